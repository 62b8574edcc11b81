package server

import (
	"slices"

	"resellerd/store"
)

var groupWriter = rowWriter{
	typ:    "group",
	held:   groupAccess,
	update: updateGroup,
	remove: removeGroup,
}

// groupAccess is what a group gives.
func groupAccess(w *writing, id string) (map[string][]string, error) {
	return w.given(id)
}

// groupPatch reads what of a group can be set.
func (w *writing) groupPatch(f *fields) store.GroupPatch {
	p := patchOf[store.GroupPatch, groupFields](f)
	p.Lend, p.LentTo = w.lending(f)
	return p
}

// lending reads lend_to: "none", "all", or the accounts directly below that
// the group is lent to. An account that the actor does not see is none.
func (w *writing) lending(f *fields) (lend *string, to *[]string) {
	value, sent := f.value("lend_to")
	if !sent {
		return nil, nil
	}
	word, _ := value.(string)
	if word == store.LendNone || word == store.LendAll {
		return &word, &[]string{}
	}
	list, ok := textList(value)
	if !ok {
		f.refuse("lend_to", `must be "none", "all" or a list of accounts`)
		return nil, nil
	}
	for _, id := range list {
		if visible, err := w.sees("account", id); err != nil || !visible {
			f.refuse("lend_to", "names an account that is not directly below")
		}
	}
	some := store.LendSome
	return &some, &list
}

func updateGroup(w *writing, f *fields) func(string) error {
	patch := w.groupPatch(f)
	return func(id string) error {
		if patch.Lend != nil {
			if err := w.mayMeetUsers(); err != nil {
				return err
			}
		}
		_, err := w.tx.UpdateGroup(w.r.Ctx, id, patch)
		return err
	}
}

func removeGroup(w *writing, id string) error {
	if err := w.mayMeetUsers(); err != nil {
		return err
	}
	return w.tx.DeleteGroup(w.r.Ctx, id, 0)
}

// mayMeetUsers refuses a write that users in the group may stand in the way of
// to an actor who may read none: it would learn that there are some.
func (w *writing) mayMeetUsers() error {
	_, err := w.r.ReadPlan("user")
	return err
}

func postGroup(r *exchange) error {
	return r.write(func(w *writing) (target, error) { return w.createGroup(nil) }, answerRow)
}

// postDefaultReseller makes a group from the template for resellers. The body
// may say more; what it does not say is the template's.
func postDefaultReseller(r *exchange) error {
	return r.write(func(w *writing) (target, error) { return w.createGroup(store.DefaultResellerGroup) }, answerRow)
}

// createGroup makes a group of the account it names, from a template or from
// nothing.
func (w *writing) createGroup(template func() store.Group) (target, error) {
	f, account, err := w.readNewRow("group", nil)
	if err != nil {
		return target{}, err
	}
	g := store.Group{}
	if template != nil {
		g = template()
	}
	g.AccountID = account.ID
	w.fillGroup(&g, f)
	if err := f.err(); err != nil {
		return target{}, err
	}
	made, err := w.tx.CreateGroup(w.r.Ctx, g)
	if err != nil {
		return target{}, err
	}
	return w.created(groupWriter, made.ID, f)
}

func (w *writing) fillGroup(g *store.Group, f *fields) {
	p := w.groupPatch(f)
	store.Apply(&p, g)
}

// mayAssign decides whether a user of an account may be put in groups. One
// that is not visible to the actor is as unknown as one that never was.
func (w *writing) mayAssign(f *fields, account store.Account, groups []string) error {
	for _, id := range groups {
		visible, err := w.sees("group", id)
		if err != nil {
			return err
		}
		if !visible {
			return invalid(f.path+"groups", "has a group that does not exist")
		}
		row, err := w.tx.PolicyRow(w.r.Ctx, "group", id)
		if err != nil {
			return err
		}
		properties := map[string]any{"account_id": account.ID, "parent_id": account.ParentID}
		if err := w.mayRow("assign", "group", id, row, properties, nil); err != nil {
			return err
		}
	}
	return nil
}

// newGroups are those of after that are not in before.
func newGroups(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(after), func(id string) bool { return slices.Contains(before, id) })
}
