package server

import (
	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/query"
)

var groupWriter = rowWriter{
	typ:      "group",
	takes:    groupFields{},
	held:     groupAccess,
	lowering: []string{"default_access", "rows"},
	update:   updateGroup,
	remove:   removeGroup,
	answer:   answerWarned,
}

// groupAccess returns the access that a group gives.
func groupAccess(w *writing, id string) (map[string][]string, error) {
	return w.given(id)
}

// groupPatch reads the group fields that a caller can set.
func (w *writing) groupPatch(f *fields) store.GroupPatch {
	p := patchOf[store.GroupPatch, store.Group](f)
	p.Lend, p.LentTo = w.lending(f)
	return p
}

// lending reads lend_to: "none", "all", or a list of accounts directly below. It
// refuses an account that the actor does not see like one that does not exist.
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
		g, err := w.tx.Group(w.r.Ctx, id)
		if err != nil {
			return err
		}
		if store.Apply(&patch, &g); !f.sound(&g) {
			return nil
		}
		if patch.Lend != nil {
			if err := w.mayMeetUsers(); err != nil {
				return err
			}
		}
		_, err = w.tx.UpdateGroup(w.r.Ctx, id, patch)
		return err
	}
}

func removeGroup(w *writing, id string) error {
	if err := w.mayMeetUsers(); err != nil {
		return err
	}
	return w.tx.DeleteGroup(w.r.Ctx, id, 0)
}

// mayMeetUsers refuses a write that users in the group may block, if the actor
// may not read users: the answer would reveal that there are some.
func (w *writing) mayMeetUsers() error {
	_, err := w.r.ReadPlan("user")
	return err
}

func postGroup(r *exchange) error {
	return r.write((*writing).createGroup, answerWarned)
}

func (w *writing) createGroup() (target, error) {
	g, f, err := w.newGroup(store.Group{})
	if err != nil {
		return target{}, err
	}
	return w.storeGroup(g, f)
}

// newGroup reads a group of the account that the body names. The fields of the body
// replace those of g.
func (w *writing) newGroup(g store.Group) (store.Group, *fields, error) {
	f, account, err := w.readNewRow("group", nil)
	if err != nil {
		return g, f, err
	}
	g.AccountID = account.ID
	w.fillGroup(&g, f)
	f.check(&g)
	return g, f, f.err()
}

func (w *writing) storeGroup(g store.Group, f *fields) (target, error) {
	made, err := w.tx.CreateGroup(w.r.Ctx, g)
	if err != nil {
		return target{}, takenBy(err, "group", g.AccountID, f)
	}
	return w.created(groupWriter, made.ID, f)
}

// postDefaultReseller creates a group from the template for resellers, or answers with
// the one that the account has.
func postDefaultReseller(r *exchange) error {
	return r.write((*writing).createDefaultReseller, answerWarned)
}

func (w *writing) createDefaultReseller() (target, error) {
	g, f, err := w.newGroup(store.DefaultResellerGroup())
	if err != nil {
		return target{}, err
	}
	had, err := w.fromTemplate(g, f)
	if err != nil {
		return target{}, err
	}
	if had.object == nil {
		return w.storeGroup(g, f)
	}
	t := target{action: "create", typ: "group", id: had.row.ID(), status: fiber.StatusOK}
	if _, err := w.mayHaveCreated(groupWriter, f, &t); err != nil {
		return t, err
	}
	if differs := had.changed(f); differs != nil {
		p := &problem{kind: kindConflict, inTheWay: &rowInTheWay{"group", had.row.ID()}}
		for _, name := range differs {
			p.errors = append(p.errors, f.fault(name, "differs from the group that the account has from this template"))
		}
		return target{}, p
	}
	return t, nil
}

// fromTemplate returns the first group of the account from the template of g that the
// writer sees. If the body has a name, the group must have it. Without such a group,
// the result shows nothing.
func (w *writing) fromTemplate(g store.Group, f *fields) (seen, error) {
	p, err := w.r.ReadPlan("group")
	if err != nil {
		return seen{}, err
	}
	q := p.Query()
	q.Limit, q.Sort = 1, "created_at"
	q.Where = []query.Condition{
		{Column: "account_id", Op: query.Eq, Value: g.AccountID}, {Column: "template", Op: query.Eq, Value: g.Template}}
	if _, named := f.sent["name"]; named {
		q.Where = append(q.Where, query.Condition{Column: "name", Op: query.Eq, Value: g.Name})
	}
	page, err := w.tx.List(w.r.Ctx, q)
	if err != nil || len(page.Rows) == 0 {
		return seen{}, err
	}
	return newSeen(page.Rows[0])
}

func (w *writing) fillGroup(g *store.Group, f *fields) {
	p := w.groupPatch(f)
	store.Apply(&p, g)
}

// mayAssign decides whether a user of an account may be put in groups. A group that is
// not visible to the actor gets the same answer as one that does not exist: a fault of
// the field. A body whose account is wrong gets no decision.
func (w *writing) mayAssign(f *fields, account store.Account, groups []string) error {
	for _, id := range groups {
		visible, err := w.sees("group", id)
		if err != nil {
			return err
		}
		if !visible {
			f.refuse("groups", "has a group that does not exist")
			continue
		}
		if f.faulty("account_id") {
			continue
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
