package feed

import (
	"errors"
	"maps"
	"slices"

	"resellerd/store/fault"
	"resellerd/store/schema"
)

// mostAssignments is how many assignments by the clock are looked at for one answer.
const mostAssignments = 100

// assignmentsAsBefore reports whether no assignment to the reader's account has begun or
// ended since the cursor, until a time, of a card that the reader sees with it or
// without it.
func (r *Reader) assignmentsAsBefore(until schema.Micros) (bool, error) {
	p := r.rights.plans["card"]
	if p == nil {
		return true, nil
	}
	own := r.Facts.Account.ID
	cards, err := r.Store.AssignmentsChanged(r.Ctx, own, r.cursor.At, until, mostAssignments)
	for _, card := range cards {
		row, missing := r.Store.PolicyRow(r.Ctx, "card", card)
		if errors.Is(missing, fault.ErrNotFound) {
			continue
		}
		if missing != nil {
			return false, missing
		}
		for _, row := range withAndWithout(row, own) {
			if r.seen(p, card, row).Shown {
				return false, nil
			}
		}
	}
	return err == nil && len(cards) < mostAssignments, err
}

// withAndWithout returns the policy columns of a card as if it were assigned to an
// account, and as if it were not.
func withAndWithout(row map[string]any, account string) [2]map[string]any {
	to, _ := row[assignedTo].([]any)
	others := slices.DeleteFunc(slices.Clone(to), func(id any) bool { return id == account })
	return [2]map[string]any{
		replaced(row, append(slices.Clone(others), account)),
		replaced(row, others),
	}
}

func replaced(row map[string]any, to []any) map[string]any {
	row = maps.Clone(row)
	row[assignedTo] = to
	for _, c := range schema.Info("card").Columns {
		if c.Opaque {
			delete(row, c.Name)
		}
	}
	return row
}
