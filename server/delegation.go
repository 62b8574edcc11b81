package server

import (
	"resellerd/policies/input"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
)

// given returns the access that groups add up to, without ceilings. Access that
// a ceiling hides today counts, because the ceiling may be lifted tomorrow.
func (w *writing) given(groups ...string) (map[string][]string, error) {
	all, err := w.tx.Grants(w.r.Ctx, groups...)
	if err != nil {
		return nil, err
	}
	return session.AccessNames(all), nil
}

// change starts the policy's input about a write to these fields. The input also
// holds the acting user's access as the groups grant it, without ceilings, and
// as it was before the write. A ceiling above the giver also lies above the
// receiver. Lifting it therefore never makes the receiver stronger than the
// giver.
func (w *writing) change(n rowWriter, fields []string) *input.Change {
	change := &input.Change{Fields: fields}
	if n.held != nil {
		change.Held = session.AccessNames(w.r.Subject.Granted)
	}
	return change
}

// lastingHeld limits the acting user's access in a change that gives access away to what
// the user has for as long. Otherwise, access that ends could be handed on, or kept. A user
// who was created for an emergency is limited only in changes of itself, until its time is
// over: somebody has to give access back.
func (w *writing) lastingHeld(n rowWriter, id string, change *input.Change) error {
	if change == nil || change.Held == nil || w.r.Subject.Until == 0 {
		return nil
	}
	if itself := n.typ == userWriter.typ && id == w.r.Subject.User.ID; w.r.Subject.BreakGlass && !itself {
		return nil
	}
	last := schema.Micros(0) // without end
	if n.typ == userWriter.typ {
		u, err := w.tx.User(w.r.Ctx, id)
		if err != nil {
			return err
		}
		for _, group := range u.Groups {
			end := u.GroupEnds[group]
			if end == 0 {
				last = 0
				break
			}
			last = max(last, end)
		}
	}
	var lasting []store.Access
	for _, group := range w.r.Subject.Groups {
		if group.End == 0 || last != 0 && group.End >= last {
			lasting = append(lasting, group.Access)
		}
	}
	change.Held = session.AccessNames(store.Resolve(lasting, nil))
	return nil
}

// opened returns the access that a change to an account newly allows: what the
// new ceiling allows and the old one did not. If the account becomes active
// again, the access of its users and of the users below it counts as well. An
// actor who may not read that access is refused before it is added up, because
// the answer would reveal it.
func (w *writing) opened(before, after store.Account) (map[string][]string, error) {
	anew := []store.Access{after.Ceiling.Beyond(before.Ceiling)}
	if before.Status != store.Active && after.Status == store.Active {
		for _, typ := range []string{"user", "group"} {
			if _, err := w.r.ReadPlan(typ); err != nil {
				return nil, err
			}
		}
		held, err := w.tx.GrantsBelow(w.r.Ctx, after.ID)
		if err != nil {
			return nil, err
		}
		anew = append(anew, held)
	}
	return session.AccessNames(store.Resolve(anew, nil)), nil
}
