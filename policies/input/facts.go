package input

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"

	"resellerd/policies/predicate"
)

// Facts is what the store knows about a user. Build it with NewFacts. It is
// then immutable and may be shared by requests.
type Facts struct {
	// User holds the user's own values (id, external_id, status, account_id and
	// the like). Each is a text, boolean or number, or a list of them.
	User    map[string]any
	Account AccountFacts
	// Access is the effective access per area, limited by every ceiling of the
	// account chain. For an area, the longest key counts that is the area or an
	// ancestor of it; without such a key, "*" counts.
	Access map[string][]string
	// Groups are the groups that the user belongs to.
	Groups []Group
	// Below reports whether an account lies in the subtree of the user's
	// account, which includes that account. If it is nil, the subtree is the
	// user's account.
	Below func(accountID string) bool
	// Leaf is true if no account lies below the user's account.
	Leaf bool
	// Branch is the account directly below the master that the user's account is or lies
	// below; the master itself for its own users. No policy reads it.
	Branch string

	listed  any    // Groups as policies read them; kept as an interface, so that a look-up allocates nothing
	profile string // hash of everything that a plan is compiled with
	terms   *factTerms
}

// Group is a group of a user: its id, and the template that it was made from. Template
// may be empty.
type Group struct{ ID, Template string }

// AccountFacts describes the account that a user belongs to. ParentID is empty
// for a master. Kind is "master" or "reseller". Status is the effective status:
// "active", "suspended" or "closed".
type AccountFacts struct {
	ID, ParentID, TenantID string
	Kind, Status           string
	Depth                  int
	// ListedAreas is true if resellers of the tenant get only areas that policy data
	// names.
	ListedAreas bool
}

// RecordedGroups reads the groups of a recorded input. Releases before this one recorded
// only their number.
func RecordedGroups(v any) []Group {
	if list, ok := v.([]any); ok {
		groups := make([]Group, len(list))
		for i, x := range list {
			doc, _ := x.(map[string]any)
			groups[i].ID, _ = doc["id"].(string)
			groups[i].Template, _ = doc["template"].(string)
		}
		return groups
	}
	n, _ := strconv.Atoi(fmt.Sprint(v))
	return make([]Group, max(0, min(n, maxRecordedGroups)))
}

// maxRecordedGroups limits a number of groups that a damaged record could state.
const maxRecordedGroups = 1000

// NewFacts completes facts for use in decisions. The caller must not change f
// afterwards, nor the maps and slices in it.
func NewFacts(f Facts) *Facts {
	f.listed = listed(f.Groups)
	f.profile = f.computeProfile()
	f.terms = newFactTerms(&f)
	return &f
}

// Key returns the profile of the facts. Users with equal profiles have the same
// plans. It is empty without facts.
func (f *Facts) Key() string {
	if f == nil {
		return ""
	}
	if f.profile == "" {
		return f.computeProfile()
	}
	return f.profile
}

// InSubtree reports whether an account lies in the subtree of the subject's
// account, which includes that account. It is false for an empty id and without
// facts.
func (f *Facts) InSubtree(accountID string) bool {
	switch {
	case f == nil || accountID == "":
		return false
	case accountID == f.Account.ID:
		return true
	case f.Leaf || f.Below == nil:
		return false
	default:
		return f.Below(accountID)
	}
}

// computeProfile hashes everything that plans are compiled with: each value
// that is not late, and the key and type of each late value.
func (f *Facts) computeProfile() string {
	known := f.document()
	delete(known, "groups")
	account := known["account"].(map[string]any)
	for _, key := range lateAccountKeys {
		if _, ok := account[key]; ok {
			account[key] = Text
		}
	}
	user := known["user"].(map[string]any)
	for key, v := range user {
		if kind := LateUserKind(key, v); kind != 0 {
			user[key] = []any{"late", kind}
		} else {
			user[key] = []any{"known", v}
		}
	}
	text, err := json.Marshal(known)
	if err != nil { // only functions and similar values, which no store returns
		text = []byte(strconv.Quote(err.Error()))
	}
	sum := sha256.Sum256(text)
	return string(sum[:])
}

var lateAccountKeys = []string{"id", "parent_id", "tenant_id"}

// LateUserKind returns the kind of a user's value that is late. It returns 0
// for a value that plans are compiled with: the status, lists and non-integer
// numbers.
func LateUserKind(key string, v any) ColumnKind {
	if key == "status" {
		return 0
	}
	switch v.(type) {
	case string:
		return Text
	case bool:
		return Boolean
	case int, int64:
		return Integer
	default:
		return 0
	}
}

// document returns the facts as policies read them, in newly made outer maps.
func (f *Facts) document() map[string]any {
	user := make(map[string]any, len(f.User))
	for key, v := range f.User {
		if v != nil {
			user[key] = PlainValue(v)
		}
	}
	access := make(map[string]any, len(f.Access))
	for area, letters := range f.Access {
		access[area] = PlainValue(letters)
	}
	return map[string]any{
		"user": user, "account": f.Account.document(), "access": access, "groups": listed(f.Groups),
	}
}

func listed(groups []Group) []any {
	list := make([]any, len(groups))
	for i, g := range groups {
		doc := map[string]any{}
		putText(doc, "id", g.ID)
		putText(doc, "template", g.Template)
		list[i] = doc
	}
	return list
}

func (a AccountFacts) document() map[string]any {
	doc := map[string]any{"kind": a.Kind, "status": a.Status, "depth": a.Depth}
	putText(doc, "id", a.ID)
	putText(doc, "parent_id", a.ParentID)
	putText(doc, "tenant_id", a.TenantID)
	if a.ListedAreas {
		doc["listed_areas"] = true
	}
	return doc
}

func (a AccountFacts) lookup(key string) (any, bool) {
	switch key {
	case "id":
		return a.ID, a.ID != ""
	case "parent_id":
		return a.ParentID, a.ParentID != ""
	case "tenant_id":
		return a.TenantID, a.TenantID != ""
	case "kind":
		return a.Kind, true
	case "status":
		return a.Status, true
	case "depth":
		return int64(a.Depth), true
	case "listed_areas":
		return a.ListedAreas, a.ListedAreas
	default:
		return nil, false
	}
}

func (f *Facts) lookup(ref predicate.Ref) (any, bool) {
	if f != nil && len(ref) == 2 && ref[1] == "groups" {
		return f.listed, len(f.Groups) > 0
	}
	if f == nil || len(ref) != 3 {
		return nil, false
	}
	switch ref[1] {
	case "account":
		return f.Account.lookup(ref[2])
	case "user":
		v, ok := f.User[ref[2]]
		return v, ok && v != nil
	default:
		return nil, false
	}
}
