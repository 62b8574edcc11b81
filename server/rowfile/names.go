package rowfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"resellerd/store/fault"
	"resellerd/store/schema"
)

// maxNamed is how many accounts, groups and cards the file and the store may have
// together. Their names are in memory.
const maxNamed = 200_000

// Names finds rows by their external ids: stored rows, and those that the file will
// create. A row that does not exist yet has a placeholder in the place of its id.
type Names struct {
	own      string            // the account of the importing user
	now      time.Time         // memberships that ended by then are over
	ids      map[string]string // by type, owner and external id
	external map[string]string // the external ids of accounts and cards, by id
	above    map[string]string // the owners of accounts, by id
	lines    map[string]bool   // the ids of groups that have a line in the file
}

// NewNames returns names without any row. own is the account of the importing user. It is
// the owner of rows that name none. now is the time of the import.
func NewNames(own string, now time.Time) *Names {
	return &Names{own: own, now: now, ids: map[string]string{}, external: map[string]string{}, above: map[string]string{}, lines: map[string]bool{}}
}

// placed begins each placeholder. No stored text and no text of a file can hold it.
const placed = "\x00"

// Placeholder reports whether an id stands for a row that does not exist yet.
func Placeholder(id string) bool { return strings.HasPrefix(id, placed) }

func nameKey(typ, owner, name string) string {
	if KindOf(typ).Alone {
		owner = ""
	}
	return typ + placed + owner + placed + name
}

// Add adds a stored row. Its owner and its external id may be "".
func (n *Names) Add(typ, id, owner, external string) error {
	if typ == "account" {
		n.above[id], n.external[id] = owner, external
	}
	if external == "" {
		return nil
	}
	if typ == "card" {
		n.external[id] = external
	}
	n.ids[nameKey(typ, owner, external)] = id
	return n.full()
}

func (n *Names) full() error {
	if len(n.ids) > maxNamed {
		return fault.Invalid("", fmt.Sprintf("the file and the store have more than %d accounts, groups and cards: an import takes no more", maxNamed))
	}
	return nil
}

// expect adds a row that the file will create, and returns its placeholder.
func (n *Names) expect(typ, owner, external string) (string, error) {
	key := nameKey(typ, owner, external)
	id := placed + key
	if typ == "account" {
		n.above[id], n.external[id] = owner, external
	}
	if KindOf(typ).Named {
		n.ids[key] = id
	}
	return id, n.full()
}

// find returns the id or the placeholder of a row. A reference that looks like an id is
// one.
func (n *Names) find(typ, owner, reference string) (string, bool) {
	if schema.LikeID(reference) {
		return reference, true
	}
	id, ok := n.ids[nameKey(typ, owner, reference)]
	return id, ok
}

// account returns the id of an account that a line names; nil is the importing user's own.
func (n *Names) account(reference any) (string, bool) {
	text, _ := reference.(string)
	if reference == nil {
		return n.own, true
	}
	if text == "" {
		return "", false
	}
	return n.find("account", "", text)
}

// group returns the id of a group that users of an account may be in: one of the account,
// or of the account above. If both have one of this name, the importing user means that of
// the file, or else that of its own account, or else the one that the user is in, of those
// that are given, or else that of the account above. several says that the file has both.
func (n *Names) group(account, reference string, given []any) (id string, ok, several bool) {
	own, mine := n.find("group", account, reference)
	above := n.above[account]
	if schema.LikeID(reference) || above == "" {
		return own, mine, false
	}
	lent, theirs := n.find("group", above, reference)
	switch {
	case !mine || !theirs:
		return cmp.Or(own, lent), mine || theirs, false
	case n.lines[own] != n.lines[lent]:
		return pick(n.lines[own], own, lent), true, false
	case !n.lines[own] && (account == n.own || above == n.own):
		return pick(account == n.own, own, lent), true, false
	case !n.lines[own]:
		return pick(slices.Contains(given, any(own)) && !slices.Contains(given, any(lent)), own, lent), true, false
	}
	return "", false, true
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// Above returns the owner of an account; "" for none or an unknown one.
func (n *Names) Above(account string) string { return n.above[account] }

// calledCard returns the external id of a card that an assignment to an account names by its
// id, if that names the same card. Otherwise it returns the reference.
func (n *Names) calledCard(reference, account string) string {
	name := n.external[reference]
	to, ok := n.account(account)
	if !ok || name == "" || n.ids[nameKey("card", n.above[to], name)] != reference {
		return reference
	}
	return name
}

// Called returns the external id of an account, or its id if it has none.
func (n *Names) Called(account string) string {
	if name := n.external[account]; name != "" {
		return name
	}
	return account
}
