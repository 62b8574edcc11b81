package replay

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"resellerd/policies"
)

// Exposure is what one user did or saw by decisions that the policy in force allowed, and
// that the candidate does not allow.
type Exposure struct {
	Account  string    `json:"account"`
	User     string    `json:"user"`
	What     string    `json:"what"` // "delete customer", "list card" or "columns notes of card"
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Rows     []string  `json:"rows,omitempty"`    // ids, at most maxExposed
	More     bool      `json:"more,omitempty"`    // there are more rows
	Where    []string  `json:"where,omitempty"`   // of a list: the conditions of rows that it should not have had, at most maxExposed
	Further  bool      `json:"further,omitempty"` // there are more conditions
	Examples []string  `json:"examples"`
}

const maxExposed = 100

type exposureKey struct{ account, user, what string }

// expose notes a flip that gave too much.
func (r *replayer) expose(f flip, id string) {
	if f.direction != narrower && f.direction != other {
		return
	}
	in := f.in
	what := in.Action.Name + " " + f.area
	switch f.kind {
	case Filter:
		what = "list " + f.area
	case View, Columns:
		what = "columns or views of " + f.area
	case Reasons, Error:
		return
	}
	key := exposureKey{f.account, in.Subject.ID, what}
	x := r.exposed[key]
	if x == nil {
		x = &Exposure{Account: key.account, User: key.user, What: key.what, First: in.Context.Time, Last: in.Context.Time}
		r.exposed[key] = x
	}
	one := Exposure{Count: 1, First: in.Context.Time, Last: in.Context.Time, Where: f.removed, Examples: []string{id}}
	if in.Resource.ID != "" && in.Resource.Type != "area" {
		one.Rows = []string{in.Resource.ID}
	}
	x.join(&one)
}

func (x *Exposure) join(y *Exposure) {
	x.Count += y.Count
	if y.First.Before(x.First) {
		x.First = y.First
	}
	if y.Last.After(x.Last) {
		x.Last = y.Last
	}
	for _, row := range y.Rows {
		switch {
		case slices.Contains(x.Rows, row):
		case len(x.Rows) < maxExposed:
			x.Rows = append(x.Rows, row)
		default:
			x.More = true
		}
	}
	for _, term := range y.Where {
		switch {
		case slices.Contains(x.Where, term):
		case len(x.Where) < maxExposed:
			x.Where = append(x.Where, term)
		default:
			x.Further = true
		}
	}
	x.More, x.Further = x.More || y.More, x.Further || y.Further
	x.Examples = append(x.Examples, y.Examples[:max(0, min(len(y.Examples), maxExamples-len(x.Examples)))]...)
}

func (r *replayer) joinExposed(other *replayer) {
	for key, y := range other.exposed {
		if x := r.exposed[key]; x != nil {
			x.join(y)
		} else {
			r.exposed[key] = y
		}
	}
}

// exposures returns the exposures by account and user. It is never nil.
func (r *replayer) exposures() []*Exposure {
	list := slices.AppendSeq([]*Exposure{}, maps.Values(r.exposed))
	slices.SortFunc(list, func(a, b *Exposure) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.User, b.User), cmp.Compare(a.What, b.What))
	})
	return list
}

// Direction says whether the candidate gives more or less than the recorded decision.
type Direction string

// Directions of a difference. Other is a difference that gives something and takes
// something, or of which that is not known.
const (
	wider    Direction = "wider"
	narrower Direction = "narrower"
	other    Direction = "other"
)

// shift compares two conditions by their terms.
func shift(was, now string) (d Direction, added, removed []string) {
	added, removed = policies.TermsOnlyIn(now, was), policies.TermsOnlyIn(was, now)
	switch {
	case was == now:
		return "", nil, nil
	case was == "none" || now == "all":
		return wider, added, removed
	case now == "none" || was == "all":
		return narrower, added, removed
	}
	either := strings.Contains(was+now, " or ")
	both := strings.Contains(was+now, " and ")
	switch {
	case either == both:
		return other, added, removed
	case len(removed) == 0:
		return pick(either, wider, narrower), added, removed
	case len(added) == 0:
		return pick(either, narrower, wider), added, removed
	}
	return other, added, removed
}

func pick(yes bool, a, b Direction) Direction {
	if yes {
		return a
	}
	return b
}

// shownShift compares the views and columns of two lists.
func shownShift(was, now policies.PlanText) (d Direction, added, removed []string) {
	before, after := partsOf(was), partsOf(now)
	for _, part := range slices.Sorted(maps.Keys(after)) {
		if before[part] != after[part] {
			added = append(added, part+" when "+after[part])
		}
	}
	for _, part := range slices.Sorted(maps.Keys(before)) {
		if before[part] != after[part] {
			removed = append(removed, part+" when "+before[part])
		}
	}
	d = other
	switch {
	case len(removed) == 0:
		d = wider
	case len(added) == 0:
		d = narrower
	}
	return d, added, removed
}

// partsOf returns the conditions of the views and columns of a list.
func partsOf(p policies.PlanText) map[string]string {
	out := map[string]string{}
	for _, v := range p.Views {
		out["view "+v.Name] = v.When
	}
	for _, g := range p.Columns {
		for _, column := range g.Columns {
			out[column] = g.When
		}
	}
	return out
}
