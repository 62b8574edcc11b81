package rowfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Resolved is a line whose references are ids, or placeholders of rows that the file
// creates.
type Resolved struct {
	Row
	Owner string // the id of the owner; of an assignment, of the account that the card belongs to
	// Object is the body of the request that would write the row alone.
	Object map[string]any
	ID     string // of the stored row, or a placeholder
	Card   string // of an assignment
}

const (
	doOwner = "Import the account too, correct the name, or leave the line out."
	doGroup = "Import the group too, or correct its name."
)

// Resolve replaces the references of a line. stored is the row of that name, nil for none.
// groups are the groups of users whom the file gives none, by external id.
func (n *Names) Resolve(row Row, stored map[string]any, groups map[string][]string) (*Resolved, *Refusal, error) {
	r := &Resolved{Row: row, Object: row.Object}
	if row.Kind.Type == Assignment {
		return r, n.assignment(r), nil
	}
	owner, ok := n.account(row.Object[row.Kind.Owner])
	if !ok {
		refused := row.refuse("/"+row.Kind.Owner, "`"+row.Kind.Owner+"` names no account of the file or of resellerd.", doOwner)
		refused.orphan = true
		return nil, refused, nil
	}
	delete(r.Object, row.Kind.Owner)
	r.Object[row.Kind.OwnerID], r.Owner = owner, owner
	if refused := n.references(r, groups, stored); refused != nil {
		return nil, refused, nil
	}
	var err error
	if stored != nil {
		r.ID, _ = stored["id"].(string)
	} else {
		maps.DeleteFunc(r.Object, row.Kind.option) // nobody is on a new card
		r.ID, err = n.expect(row.Kind.Type, owner, row.Name)
	}
	if row.Kind.Type == "group" {
		n.lines[r.ID] = true
	}
	return r, nil, err
}

func (n *Names) references(r *Resolved, groups map[string][]string, stored map[string]any) *Refusal {
	switch r.Kind.Type {
	case "group":
		return n.lending(r)
	case "user":
		return n.membership(r, groups, stored)
	}
	return nil
}

func (n *Names) lending(r *Resolved) *Refusal {
	list, ok := r.Object["lend_to"].([]any)
	if !ok {
		return nil
	}
	for i, one := range list {
		id, ok := n.account(one)
		if !ok || one == nil {
			return r.refuse(fmt.Sprintf("/lend_to/%d", i), "`lend_to` names no account of the file or of resellerd.", doOwner)
		}
		list[i] = id
	}
	sortTexts(list)
	return nil
}

// membership resolves the groups of a user. A user without any is refused unless somebody
// names some: there is no default. A stored user keeps its groups if the line does not
// mention them. Groups whose end has passed are left out.
func (n *Names) membership(r *Resolved, named map[string][]string, stored map[string]any) *Refusal {
	value, sent := r.Object["groups"]
	list, isList := value.([]any)
	if sent && value != nil && !isList {
		return nil // the write refuses it
	}
	given, _ := stored["groups"].([]any)
	over, refused := n.ends(r, given)
	if refused != nil {
		return refused
	}
	if len(list) == 0 {
		for _, one := range named[r.Name] {
			list = append(list, one)
		}
	}
	if len(list) == 0 && !sent && stored != nil {
		if slices.ContainsFunc(given, func(id any) bool { return over[id] }) {
			r.Object["groups"] = slices.DeleteFunc(slices.Clone(given), func(id any) bool { return over[id] })
		}
		return nil
	}
	if len(list) == 0 {
		return r.withoutGroup()
	}
	for i, one := range list {
		text, _ := one.(string)
		id, ok, several := n.group(r.Owner, text, given)
		if refused := r.groupFault(fmt.Sprintf("/groups/%d", i), ok, several); refused != nil {
			return refused
		}
		list[i] = id
	}
	list = slices.DeleteFunc(list, func(id any) bool { return over[id] })
	if len(list) == 0 && stored == nil {
		return r.withoutGroup()
	}
	sortTexts(list)
	r.Object["groups"] = slices.Compact(list)
	return nil
}

func (r *Resolved) withoutGroup() *Refusal {
	refused := r.refuse("/groups", "The user is in no group.", "Name the user's groups: in the line, or with --groups.")
	login, _ := r.Object["login"].(string)
	refused.noGroup = &NoGroup{r.Line, r.Name, login}
	return refused
}

// groupFault is the refusal of a reference to a group; nil for none.
func (r *Resolved) groupFault(pointer string, ok, several bool) *Refusal {
	switch field := strings.Split(pointer, "/")[1]; {
	case several:
		return r.refuse(pointer, "The user's account and the account above both have a group of this name.",
			"Name the group by its id, or give one of them another external id.")
	case !ok:
		return r.refuse(pointer, "`"+field+"` names no group of the user's account or of the account above.", doGroup)
	}
	return nil
}

// ends resolves when a user leaves groups, as resellerd shows that. It takes out the groups
// whose end has passed, and returns them: resellerd shows no group that is over.
func (n *Names) ends(r *Resolved, given []any) (over map[any]bool, refused *Refusal) {
	ends, ok := r.Object["group_ends"].(map[string]any)
	if !ok {
		return nil, nil // none, or the write refuses it
	}
	resolved := map[string]any{}
	over = map[any]bool{}
	for _, name := range slices.Sorted(maps.Keys(ends)) {
		id, ok, several := n.group(r.Owner, name, given)
		pointer := "/group_ends/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if refused := r.groupFault(pointer, ok, several); refused != nil {
			return nil, refused
		}
		if _, twice := resolved[id]; twice || over[id] {
			return nil, r.refuse(pointer, "`group_ends` names this group twice.", "Leave one of the two.")
		}
		end := ends[name]
		if text, ok := end.(string); ok {
			if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
				end = timeText(at)
				over[id] = !at.After(n.now)
			}
		}
		if !over[id] {
			resolved[id] = end
		}
	}
	r.Object["group_ends"] = resolved
	return over, nil
}

// timeText is a time as resellerd shows it.
func timeText(at time.Time) string {
	return at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}

func (n *Names) assignment(r *Resolved) *Refusal {
	to, ok := n.account(r.Object["account"])
	if !ok || r.Object["account"] == nil {
		refused := r.refuse("/account", "`account` names no account of the file or of resellerd.", doOwner)
		refused.orphan = true
		return refused
	}
	r.ID, r.Owner = to, n.Above(to)
	name, _ := r.Object["card"].(string)
	if r.Card, ok = n.find("card", r.Owner, name); !ok || name == "" {
		return r.refuse("/card", "`card` names no card of the account above.", "Import the card too, or correct its name.")
	}
	delete(r.Object, "card")
	delete(r.Object, "account")
	return nil
}

func sortTexts(list []any) {
	slices.SortFunc(list, func(a, b any) int {
		x, _ := a.(string)
		y, _ := b.(string)
		return strings.Compare(x, y)
	})
}

// SameDates reports whether an assignment that is stored with these times, "" for none, is
// what the line wants. A line without a beginning leaves the stored one.
func (r *Resolved) SameDates(from, to string) bool {
	wantFrom, _ := r.Object["valid_from"].(string)
	wantTo, _ := r.Object["valid_to"].(string)
	for name, value := range r.Object {
		if name != "valid_from" && name != "valid_to" && !r.Kind.option(name, value) {
			return false
		}
	}
	return (wantFrom == "" || sameTime(wantFrom, from)) && sameTime(wantTo, to)
}

func sameTime(a, b string) bool {
	one, errA := time.Parse(time.RFC3339Nano, a)
	other, errB := time.Parse(time.RFC3339Nano, b)
	return a == b || errA == nil && errB == nil && one.Equal(other)
}

// FieldOf returns the field of a line that stands for a field of a request.
func FieldOf(field string) string {
	for _, k := range Kinds {
		if field != "" && field == k.OwnerID {
			return k.Owner
		}
	}
	return field
}
