package server

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// shownRow is a row as a reader is shown it: its view and its sorted columns.
type shownRow struct {
	view    string
	columns []string
}

func (s shownRow) equal(o shownRow) bool {
	return s.view == o.view && slices.Equal(s.columns, o.columns)
}

// listedRows returns the rows that a list with the plan's filter shows, by id.
func listedRows(ctx context.Context, t *testing.T, st *store.Store, plan *policies.Plan, in *input.Input, leaf bool) map[string]shownRow {
	t.Helper()
	q := session.ReadPlan{Type: in.Resource.Type, Plan: plan, Env: plan.Bind(ctx, in), Leaf: leaf}.Query()
	q.Limit = 1000
	page, err := st.List(ctx, q)
	if err != nil {
		t.Fatalf("%s: %v\n%s", in.Resource.Type, err, plan.Filter)
	}
	if page.Next != nil {
		t.Fatal("more rows than a page holds")
	}
	rows := map[string]shownRow{}
	for _, row := range page.Rows {
		names := row.Names()
		slices.Sort(names)
		rows[row.ID()] = shownRow{row.View, slices.Compact(names)}
	}
	return rows
}

// evaluatedRows returns the rows with these ids that full evaluations allow, by
// id. It reports whether an evaluation ended in an error.
func evaluatedRows(ctx context.Context, t *testing.T, st *store.Store, engine *policies.Engine, in *input.Input, ids []string) (rows map[string]shownRow, failed bool) {
	t.Helper()
	rows = map[string]shownRow{}
	for _, id := range ids {
		row, err := st.PolicyRow(ctx, in.Resource.Type, id)
		if err != nil {
			t.Fatalf("%s %s: %v", in.Resource.Type, id, err)
		}
		one := *in
		one.Resource.ID, one.Resource.Row = id, row
		d := engine.Evaluate(ctx, &one)
		failed = failed || d.Outcome == policies.OutcomeError
		if !d.Allow || d.View == "" {
			continue
		}
		columns := slices.DeleteFunc(slices.Clone(d.Columns), func(name string) bool { return !canShow(in.Resource.Type, name) })
		rows[id] = shownRow{d.View, columns}
	}
	return rows, failed
}

func canShow(typ, name string) bool {
	return slices.ContainsFunc(schema.Info(typ).Columns, func(c schema.ColumnInfo) bool { return c.Name == name && c.Show })
}

// differ describes the first difference between two answers; "" for none.
func differ(listed, evaluated map[string]shownRow) string {
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		if want, ok := evaluated[id]; !ok {
			return fmt.Sprintf("%s is listed as %v and must not be seen", id, listed[id])
		} else if !want.equal(listed[id]) {
			return fmt.Sprintf("%s is listed as %v, want %v", id, listed[id], want)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(evaluated)) {
		if _, ok := listed[id]; !ok {
			return fmt.Sprintf("%s is not listed, want %v", id, evaluated[id])
		}
	}
	return ""
}

// tables are the tables that hold the rows of each type.
var tables = map[string]string{
	"account": "accounts", "group": "groups", "user": "users", "customer": "customers", "card": "cards", "audit": "audit_entries"}

func (w *twin) allIDs(typ string) (ids []string) {
	w.t.Helper()
	rows, err := w.db.Query("SELECT id FROM " + tables[typ])
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// anyone draws a user as the store may know it: in any account, active or not,
// with any access.
func anyone(r *rand.Rand) (input.Subject, bool) {
	account := drawn(r, twinAccounts)
	leaf := len(childrenOf(account)) == 0
	facts := input.Facts{
		User: map[string]any{"id": userID(account, "user"), "account_id": accountID(account), "status": drawn(r, append(usually("active", 9), "disabled"))},
		Account: input.AccountFacts{
			ID: accountID(account), TenantID: accountID(rootOf(account)), Kind: store.Reseller,
			Status: drawn(r, append(usually("active", 9), "suspended")), Depth: depthOf(account)},
		Access: someAccess(r), Groups: make([]input.Group, drawn(r, append(usually(1, 9), 0))), Leaf: leaf,
		Below: func(id string) bool {
			return slices.ContainsFunc(twinAccounts, func(one string) bool {
				return accountID(one) == id && eyes{own: account}.within(one)
			})
		},
	}
	if isMaster(account) {
		facts.Account.Kind = store.Master
	} else {
		facts.Account.ParentID = accountID(twinParents[account])
	}
	if r.IntN(8) == 0 {
		facts.User["ip_allow"] = []any{"10.0.0.0/8"}
	}
	return input.Subject{Type: "user", ID: userID(account, "user"), Facts: input.NewFacts(facts)}, leaf
}

func depthOf(account string) (depth int) {
	for ; !isMaster(account); account = twinParents[account] {
		depth++
	}
	return depth
}

func someAccess(r *rand.Rand) map[string][]string {
	access := map[string][]string{}
	letters := append(usually(session.AccessActions, 4), []string{}, []string{"read"}, []string{"read", "update"})
	for _, area := range []string{"*", "account", "group", "user", "customer", "card", "card/provider", "card/customer", "audit", "preview"} {
		if r.IntN(3) == 0 || area == "*" {
			access[area] = drawn(r, letters)
		}
	}
	return access
}

var everyAction = append(usually("read", 10), "create", "update", "delete", "assign", "activate", "build", "preview", "accept_losses", "fly")

// usually repeats a value, so that it is drawn often.
func usually[T any](value T, times int) []T { return slices.Repeat([]T{value}, times) }

// A list shows exactly the rows that a full evaluation of each row allows, with
// the same views and columns. This holds for every type and every user.
func TestListsShowWhatFullEvaluationAllows(t *testing.T) {
	oneAtATime(t)
	for name, url := range databases(storetest.Empty, turn(t)) {
		t.Run(name, func(t *testing.T) {
			seed := depth.FirstSeed()
			w := newTwinStore(t, url(t), twinViewers[0], seed, 1)
			engine := engineOf(t, 3)
			met := map[string]int{}
			for i := range depth.Runs(10) {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				for _, typ := range everyType {
					if found := w.compareLists(r, engine, typ, met); found != "" {
						t.Fatalf("RESELLERD_TEST_SEED=%d, subject %d, %s: %s", seed, i, typ, found)
					}
				}
			}
			t.Log(met)
			for _, typ := range everyType {
				if met[typ+": some"] == 0 || met[typ+": none"] == 0 {
					t.Errorf("%s: the lists tell nothing apart: %v", typ, met)
				}
			}
		})
	}
}

func (w *twin) compareLists(r *rand.Rand, engine *policies.Engine, typ string, met map[string]int) string {
	w.t.Helper()
	ctx := context.Background()
	subject, leaf := anyone(r)
	in := &input.Input{
		Subject: subject, Action: input.Action{Name: drawn(r, everyAction)}, Resource: input.Resource{Type: typ},
		Context: input.Context{ClientIP: drawn(r, []string{"", "10.1.1.1", "192.0.2.1"}), Time: twinStart, Panel: "p"},
	}
	if in.Action.Name == "assign" {
		in.Action.Properties = map[string]any{"account_id": accountID(drawn(r, twinAccounts)), "parent_id": accountID(drawn(r, twinAccounts))}
	}
	plan := engine.Plan(ctx, in)
	if plan.Outcome == policies.OutcomeError {
		return fmt.Sprintf("%s by %v: %v", in.Action.Name, in.Document(), plan.Err)
	}
	ids := w.allIDs(typ)
	listed := listedRows(ctx, w.t, w.store, plan, in, leaf)
	evaluated, failed := evaluatedRows(ctx, w.t, w.store, engine, in, ids)
	if failed {
		return fmt.Sprintf("%s by %v: a full evaluation fails", in.Action.Name, in.Document())
	}
	if found := differ(listed, evaluated); found != "" {
		return fmt.Sprintf("%s by %v: %s\n%s", in.Action.Name, in.Document(), found, describePlan(plan))
	}
	switch len(listed) {
	case 0:
		met[typ+": none"]++
	case len(ids):
		met[typ+": every"]++
	default:
		met[typ+": some"]++
	}
	return ""
}

func describePlan(plan *policies.Plan) string {
	text := "filter " + plan.Filter.String()
	for _, v := range plan.Views {
		text += "\nview " + v.Name + " " + v.When.String()
	}
	for _, c := range plan.Columns {
		if c.When.Kind != predicate.None {
			text += fmt.Sprintf("\ncolumns %v %s", c.Columns, c.When)
		}
	}
	return text
}
