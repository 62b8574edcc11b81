package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/storetest"
)

// hostileCards is the number of cards with hostile texts that the corpus is
// tested on.
const hostileCards = 40

// hostileStore is a store with the accounts and cards of policiestest. They are
// written around the store's own checks, so that a column holds any value that
// the database accepts.
type hostileStore struct {
	*store.Store
	ids map[string][]string // by type
}

func newHostileStore(t *testing.T, url string) hostileStore {
	t.Helper()
	h := hostileStore{storetest.Open(t, url, store.Options{Now: func() time.Time { return twinStart }}), map[string][]string{}}
	r := rand.New(rand.NewPCG(1, 2))
	for _, row := range policiestest.Rows(r, "account", len(policiestest.Accounts())) {
		h.insert(t, "account", "accounts", row)
	}
	for _, row := range policiestest.Rows(r, "card", hostileCards) {
		to := row["assigned_to"].([]string)
		delete(row, "assigned_to")
		if row["kind"] == "customer" {
			delete(row, "carrier")
		}
		row["rate_precision"], row["rate_rounding"], row["charge_precision"], row["charge_rounding"] = 4, "up", 4, "up"
		h.insert(t, "card", "cards", row)
		for _, account := range to {
			h.insert(t, "", "assignments", map[string]any{
				"card_id": row["id"], "account_id": account, "owner_id": row["account_id"], "valid_from": 1})
		}
	}
	return h
}

// insert writes a row unchanged.
func (h hostileStore) insert(t *testing.T, typ, table string, row map[string]any) {
	t.Helper()
	if typ != "" {
		row["created_at"], row["updated_at"] = 1, 1
		h.ids[typ] = append(h.ids[typ], row["id"].(string))
	}
	var names, marks []string
	var values []any
	for name, value := range row {
		values = append(values, value)
		names = append(names, name)
		mark := "?"
		if h.Dialect() == "postgres" {
			mark = fmt.Sprintf("$%d", len(values))
		}
		marks = append(marks, mark)
	}
	statement := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", "))
	db := storetest.SQL(t, h.Store)
	if _, err := db.Exec(statement, values...); err != nil {
		t.Fatalf("%s %v: %v", table, row, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// For each policy of the corpus that can be translated, a list in either
// database shows what full evaluation allows. A request without a filter shows
// nothing.
func TestHostilePoliciesListWhatTheyAllow(t *testing.T) {
	oneAtATime(t)
	cases, err := policiestest.LoadCorpus()
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range databases(storetest.Empty, 0) {
		t.Run(name, func(t *testing.T) { hold(t, cases, newHostileStore(t, url(t))) })
	}
}

// hold tests every case on a store.
func hold(t *testing.T, cases []policiestest.Case, h hostileStore) {
	t.Helper()
	tried, rows, all := 0, 0, 0
	for i, c := range cases {
		if c.Refused != "" || h.ids[c.Type] == nil {
			continue
		}
		engine, err := policies.Load(context.Background(), c.Tree(), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		tried++
		r := rand.New(rand.NewPCG(depth.FirstSeed(), uint64(i)))
		for range depth.Runs(2) {
			found, n := h.compare(t, engine, policiestest.Input(r, c.Type))
			if found != "" {
				t.Errorf("%s: %s", c.Name, found)
				break
			}
			rows, all = rows+n, all+len(h.ids[c.Type])
		}
	}
	t.Logf("%d policies listed %d of %d rows", tried, rows, all)
	if tried < 60 || rows == 0 || rows == all {
		t.Error("the corpus tells nothing apart")
	}
}

// compare compares a list with the evaluation of each row. It returns the
// difference, and the number of rows that the list showed.
func (h hostileStore) compare(t *testing.T, engine *policies.Engine, in *input.Input) (string, int) {
	t.Helper()
	ctx := context.Background()
	plan := engine.Plan(ctx, in)
	visible := *plan
	plain := len(plan.Views) == 0 && len(plan.Columns) == 0
	if plain { // a policy without views shows no rows: add a view
		all := predicate.Filter{Kind: predicate.All}
		visible.Views = []policies.ViewCase{{Name: "row", When: all}}
		visible.Columns = []policies.ColumnGroup{{Columns: []string{"id"}, When: all}}
	}
	listed := listedRows(ctx, t, h.Store, &visible, in, false)
	evaluated := map[string]shownRow{}
	for _, id := range h.ids[in.Resource.Type] {
		row, err := h.PolicyRow(ctx, in.Resource.Type, id)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		d := engine.Evaluate(ctx, policiestest.WithRow(in, row))
		switch {
		case !d.Allow:
		case plain:
			evaluated[id] = shownRow{"row", []string{"id"}}
		case d.View != "":
			evaluated[id] = shownRow{d.View, slices.DeleteFunc(d.Columns, func(name string) bool { return !canShow(in.Resource.Type, name) })}
		}
	}
	if plan.Outcome == policies.OutcomeError {
		evaluated = map[string]shownRow{}
	}
	if found := differ(listed, evaluated); found != "" {
		return fmt.Sprintf("%s\n%v\n%s", found, in.Document(), describePlan(plan)), 0
	}
	return "", len(listed)
}
