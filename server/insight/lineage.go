package insight

import (
	"slices"
	"strings"

	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store"
)

// AreaAccess is a user's access in an area, and the source of each letter.
type AreaAccess struct {
	Area      string   `json:"area" required:"true"`
	Effective []string `json:"effective" required:"true" description:"the access that remains under all ceilings, as the policy decides"`
	Letters   []Letter `json:"letters,omitempty" description:"the access that groups give, and the access that remains under the ceilings"`
}

// Letter is one action: the groups that give it, and the ceilings that remove it.
type Letter struct {
	Access string  `json:"access" required:"true" enum:"create,read,update,delete"`
	From   []Giver `json:"from,omitempty"`
	CutBy  []Cut   `json:"cut_by,omitempty"`
}

// Giver is a group that gives a letter, and the group's row that applies to the area.
type Giver struct {
	Group string `json:"group" required:"true"`
	Name  string `json:"name,omitempty"`
	Row   string `json:"row" required:"true" description:"the area of the group's row, or * for the group's default"`
}

// Cut is a ceiling that removes a letter. It belongs to an account or to the policy,
// or its origin is not shown.
type Cut struct {
	By      string `json:"by" required:"true" enum:"account,policy,ceiling"`
	Account string `json:"account,omitempty"`
}

// disclosure says what the reader of an explanation may see of it.
type disclosure interface {
	// group returns whether a group is visible, and the name that the reader sees.
	group(g store.Group) (name string, visible bool)
	// ceiling reports whether an account's ceiling is visible.
	ceiling(account string) bool
	// policy reports whether policy source, SQL and the policy's own ceiling are
	// visible.
	policy() bool
}

// lineage finds where each letter of a subject's access in an area comes from.
type lineage struct {
	subject *store.Subject
	groups  []store.Group
	shown   disclosure
}

// of explains the access in an area. effective holds the actions that the policy
// allows.
func (l lineage) of(area string, effective []string) AreaAccess {
	a := AreaAccess{Area: area, Effective: effective}
	for _, name := range session.AccessActions {
		from := l.givers(area, name[:1])
		left := slices.Contains(effective, name)
		if len(from) == 0 && !left {
			continue
		}
		letter := Letter{Access: name, From: from}
		if !left {
			letter.CutBy = l.cuts(area, name[:1])
		}
		a.Letters = append(a.Letters, letter)
	}
	return a
}

// givers returns the visible groups that give a letter.
func (l lineage) givers(area, letter string) []Giver {
	var from []Giver
	for _, g := range l.groups {
		access := g.Access()
		if !strings.Contains(access.At(area), letter) {
			continue
		}
		if name, visible := l.shown.group(g); visible {
			from = append(from, Giver{Group: g.ID, Name: name, Row: rowFor(access, area)})
		}
	}
	return from
}

// rowFor returns the key in access that applies to an area.
func rowFor(access store.Access, area string) string {
	for at := area; at != ""; at = areas.Above(at) {
		if _, ok := access[at]; ok {
			return at
		}
	}
	return store.AnyArea
}

// cuts returns the ceilings that remove a letter although groups give it. If none of
// them is visible, it returns one Cut without an origin. The reader can already see
// that some ceiling removes the letter.
func (l lineage) cuts(area, letter string) []Cut {
	var cuts []Cut
	for _, account := range l.subject.Chain {
		if c := account.Ceiling; c != nil && !strings.Contains(c.At(area), letter) && l.shown.ceiling(account.ID) {
			cuts = append(cuts, Cut{By: "account", Account: account.ID})
		}
	}
	if l.shown.policy() && strings.Contains(l.subject.Access.At(area), letter) {
		cuts = append(cuts, Cut{By: "policy"})
	}
	if len(cuts) == 0 {
		cuts = append(cuts, Cut{By: "ceiling"})
	}
	return cuts
}

// overseer may see everything. It is for the operator of the store.
type overseer struct{}

func (overseer) group(g store.Group) (string, bool) { return g.Name, true }
func (overseer) ceiling(string) bool                { return true }
func (overseer) policy() bool                       { return true }

// areasFor returns the areas that apply to an action on a resource.
func areasFor(action, typ, id string) []string {
	named := resource.Named(typ).AreaNames()
	extra := resource.ExtraAreas(action, named)
	if typ == input.AreaType {
		named = []string{id}
	}
	return slices.Concat(named, extra)
}
