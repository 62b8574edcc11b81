package insight

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// changes compares decisions about writes that give or take access, or that change one
// column. No filter knows what a write changes, so each is decided by itself, for one row
// that each side lets the user act on.
func (s *sides) changes() error {
	if !s.asks.changes {
		return nil
	}
	for _, typ := range []string{"account", "card", "customer", "group", "user"} {
		for _, action := range []string{"create", "update", "delete", "preview"} {
			rows, err := s.rowsToChange(typ, action)
			if err != nil {
				return err
			}
			for _, row := range rows {
				for what, change := range s.proposals(typ, action) {
					s.decided(action+" "+typ+" "+what, typ, action, []map[string]any{row}, change)
				}
			}
		}
	}
	return nil
}

// rowsToChange returns a row on which each side allows an action, or a new row of the own
// account.
func (s *sides) rowsToChange(typ, action string) ([]map[string]any, error) {
	own := s.under[0].Facts.Account
	if action == "create" {
		return []map[string]any{{"account_id": own.ID, "parent_id": own.ID, "tenant_id": own.TenantID, "depth": int64(own.Depth + 1),
			"kind": resource.Named(typ).Kind}}, nil
	}
	p, named := s.plans(typ, action, input.FormOne), map[string]bool{}
	for i, r := range s.under {
		q := s.query(i, p)
		q.Limit = 1
		page, err := s.m.List(r.Ctx, q)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			named[row.ID()] = true
		}
	}
	var rows []map[string]any
	for _, id := range slices.Sorted(maps.Keys(named)) {
		row, err := s.m.PolicyRow(s.under[0].Ctx, typ, id)
		if errors.Is(err, fault.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// proposals are changes that a write may make: every access in one area, one letter in all
// areas, and each column.
func (s *sides) proposals(typ, action string) map[string]*input.Change {
	out := map[string]*input.Change{}
	if typ != "card" && typ != "customer" {
		held := session.AccessNames(s.under[0].Subject.Granted)
		for what, access := range s.someAccess() {
			if action != "delete" && action != "preview" {
				out["that gets "+what] = &input.Change{After: access, Before: map[string][]string{}, Held: held}
			}
			if action != "create" {
				out["that has "+what] = &input.Change{Before: access, After: map[string][]string{}, Held: held}
			}
		}
	}
	if action == "update" {
		for _, column := range schema.Info(typ).Columns {
			out["column "+column.Name] = &input.Change{Fields: []string{column.Name}}
		}
	}
	return out
}

func (s *sides) someAccess() map[string]map[string][]string {
	out := map[string]map[string][]string{}
	named := maps.Clone(resource.OwnAreas)
	for _, r := range s.under {
		maps.Copy(named, r.Engine.Areas())
	}
	for area := range named {
		out["every access in "+area] = map[string][]string{area: session.AccessActions}
	}
	for _, letter := range session.AccessActions {
		out[letter+" in every area"] = map[string][]string{areas.Any: {letter}}
	}
	return out
}

// decided decides about rows under both policies, and adds what one side alone allows or
// shows.
func (s *sides) decided(what, typ, action string, rows []map[string]any, change *input.Change) {
	ids := [2]map[string]*shownAs{{}, {}}
	for i, r := range s.under {
		for _, row := range rows {
			in := s.input(i, action, typ, usualForm(action))
			if in.Action.Change = change; change != nil {
				in.Action.Form = input.FormOne
			}
			in.Resource.ID, _ = row["id"].(string)
			if in.Resource.Row = row; !resource.KeepsRows(typ) {
				in.Resource.Row, in.Resource.Properties = nil, row
			}
			if d := r.Judge(in); d.Allow {
				ids[i][cmp.Or(in.Resource.ID, "a new one")] = &shownAs{d.View, slices.Sorted(slices.Values(d.Columns))}
			}
		}
	}
	s.tell(what, ids)
	if action == "read" {
		s.out.Actions = append(s.out.Actions, shownChanges(ids[0], ids[1])...)
	}
}

// maxWhole is how many rows of a type each action is decided about one by one.
const maxWhole = 25

// whole compares decisions about rows if one of the policies shows no rows, so that its
// filters say nothing.
func (s *sides) whole() error {
	if !s.asks.whole {
		return nil
	}
	for _, t := range resource.Types {
		rows, err := s.someRows(t)
		if err != nil {
			return err
		}
		s.eachAction(t.Name, rows)
	}
	own := s.under[0].Facts.Account
	panels := map[string]bool{}
	for _, r := range s.under {
		for area := range r.Engine.Areas() {
			panels[area] = !resource.OwnAreas[area]
		}
	}
	for _, area := range slices.Sorted(maps.Keys(panels)) {
		if panels[area] {
			s.eachAction(area, []map[string]any{{"id": "own", "account_id": own.ID}, {"id": "above", "account_id": own.ParentID}, {"id": "nobody's"}})
		}
	}
	return nil
}

func (s *sides) eachAction(typ string, rows []map[string]any) {
	for _, action := range append(knownActions[:len(knownActions):len(knownActions)], s.asks.actions...) {
		s.decided(action+" "+typ, typ, action, rows, nil)
	}
}

// someRows returns the first rows of a type in the user's tenant.
func (s *sides) someRows(t resource.Type) ([]map[string]any, error) {
	r := s.under[0]
	q := query.Query{Type: t.Decided(), Filter: tenantFilter(r.Facts.Account.TenantID), Views: anyView, Limit: maxWhole + 1}
	page, err := s.m.List(r.Ctx, q)
	if err != nil {
		return nil, err
	}
	if len(page.Rows) > maxWhole {
		page.Rows = page.Rows[:maxWhole]
		s.unproved = append(s.unproved, fmt.Sprintf("a policy shows no rows, and only %d rows of the type %s were asked about", maxWhole, t.Name))
	}
	var rows []map[string]any
	for _, shown := range page.Rows {
		row, err := s.m.PolicyRow(r.Ctx, t.Decided(), shown.ID())
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}
