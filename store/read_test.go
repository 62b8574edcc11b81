package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/storetest"
)

var everything = predicate.Filter{Kind: predicate.All}

func resource(name string) predicate.Operand {
	return predicate.Operand{Ref: predicate.Ref{"resource", name}}
}

func is(name string, v any) predicate.Filter {
	return predicate.Of(predicate.Compare{Op: predicate.Eq, Left: resource(name), Right: predicate.Operand{Const: v}})
}

var own = predicate.Of(predicate.Compare{
	Op: predicate.Eq, Left: resource("account_id"), Right: predicate.Operand{Ref: predicate.Ref{"subject", "account", "id"}},
})

var assigned = predicate.Of(predicate.Member{
	Item: predicate.Operand{Ref: predicate.Ref{"subject", "account", "id"}}, Set: resource("assigned_to"),
})

// me is an Env with only an account.
type me string

func (m me) Lookup(ref predicate.Ref) (any, bool) {
	return string(m), ref.String() == "subject.account.id"
}
func (m me) Below(id string) bool { return id == string(m) }
func (me) Guard(int) bool         { return false }

// house is a small realistic world: a master with one card that is assigned to one
// of its two resellers. That reseller has a customer on a card of its own.
func house(t testing.TB, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, db: storetest.SQL(t, s), parents: map[string]string{}, ids: map[string][]string{}}
	for _, a := range [][]any{
		{"acc_m", "acc_m", nil, "master", "Master Ltd", "Carrier", 0}, {"acc_r", "acc_m", "acc_m", "reseller", "Reseller", nil, 1},
		{"acc_x", "acc_m", "acc_m", "reseller", "Other", nil, 1},
	} {
		w.exec(`INSERT INTO accounts (id, tenant_id, parent_id, kind, name, public_name, status, ceiling, depth, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, 'active', '{"customer": "cr", "audit": ""}', $7, 1700000000000000, 1700000000123456)`, a...)
	}
	w.exec(`INSERT INTO groups (id, tenant_id, account_id, name, lend, default_access, created_at, updated_at)
		VALUES ('grp_1', 'acc_m', 'acc_m', 'Staff', 'some', 'cru', 1, 1), ('grp_2', 'acc_m', 'acc_m', 'All', 'all', '', 1, 1)`)
	w.exec("INSERT INTO group_rows (group_id, area, access) VALUES ('grp_1', 'user', 'rd'), ('grp_1', 'customer', '')")
	w.exec("INSERT INTO group_loans (group_id, account_id, owner_id) VALUES ('grp_1', 'acc_x', 'acc_m'), ('grp_1', 'acc_r', 'acc_m')")
	for _, c := range [][]any{
		{"crd_m", "acc_m", "Secret deal", nil, "Retail"}, {"crd_r", "acc_r", "Mine", nil, "Mine, public"}, {"crd_z", "acc_m", "Unassigned", nil, nil},
	} {
		w.exec(`INSERT INTO cards (id, tenant_id, account_id, kind, name, carrier, public_name, currency, direction, rate_precision, rate_rounding,
			charge_precision, charge_rounding, notes, created_at, updated_at)
			VALUES ($1, 'acc_m', $2, 'customer', $3, $4, $5, 'EUR', 'termination', 4, 'up', 2, 'down', 'hush', 1, 1)`, c...)
	}
	w.exec(`INSERT INTO assignments (card_id, account_id, owner_id, valid_from, valid_to) VALUES
		('crd_m', 'acc_r', 'acc_m', $1, NULL), ('crd_m', 'acc_x', 'acc_m', $2, $3), ('crd_m', 'acc_x', 'acc_m', $4, NULL)`,
		worldNow-10, worldNow-20, worldNow-5, worldNow+50)
	w.exec(`INSERT INTO customers (id, tenant_id, account_id, name, status, created_at, updated_at) VALUES
		('cus_1', 'acc_m', 'acc_r', 'One', 'active', 1, 1), ('cus_2', 'acc_m', 'acc_r', 'Two', 'closed', 1, 1)`)
	w.exec(`INSERT INTO card_customers (card_id, customer_id, account_id, valid_from) VALUES
		('crd_r', 'cus_1', 'acc_r', $1), ('crd_r', 'cus_2', 'acc_r', $1)`, worldNow-1)
	w.exec(`INSERT INTO revisions (id, card_id, number, status, activated_at, row_count, created_at) VALUES
		('rev_1', 'crd_m', 1, 'inactive', 1, 1, 1), ('rev_2', 'crd_m', 2, 'active', 1700000000000000, 3, 1), ('rev_3', 'crd_r', 1, 'active', 1, 0, 1)`)
	w.exec(`INSERT INTO rates (revision_id, prefix, name, cost, inter, mcd, pulse, connect, status) VALUES
		('rev_1', '44', 'Old', 1, NULL, 0, 1, 0, 'open'),
		('rev_2', '1', 'US', 100000000, 90000000, 6, 6, 0, 'open'),
		('rev_2', '44', 'UK', 125000001, NULL, 0, 1, 10000000000, 'open'),
		('rev_2', '441', 'UK fix', 50000000, NULL, 30, 6, 0, 'blocked')`)
	return w
}

var cardColumns = []string{
	"id", "kind", "name", "carrier", "currency", "revision", "prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status",
}

// cards is the query of a reseller for its own cards and those assigned to it.
func cards(account string) query.Query {
	return query.Query{
		Type: "card", Env: me(account), Leaf: true,
		Filter: predicate.Of(predicate.Or{own.Where, assigned.Where}),
		Views:  []query.View{{Name: "customer", When: own}, {Name: "translated", When: assigned}},
		Columns: []query.Columns{
			{Names: append(cardColumns, "notes", "assigned_to", "public_name"), When: own}, {Names: cardColumns, When: assigned},
		},
	}
}

func fixedClock() store.Options {
	return store.Options{Now: func() time.Time { return time.UnixMicro(worldNow) }}
}

func answered(t testing.TB, s *store.Store, q query.Query) string {
	t.Helper()
	page, err := s.List(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, row := range page.Rows {
		lines = append(lines, row.View+" "+string(row.AppendJSON(nil)))
	}
	return strings.Join(lines, "\n")
}

func TestEachSeesItsOwnTruth(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, fixedClock(), func(t *testing.T, s *store.Store) {
		house(t, s)
		full := func(typ, id string, columns ...string) query.Query {
			return query.Query{Type: typ, ID: id, Filter: everything, Views: []query.View{{Name: "full", When: everything}},
				Columns: []query.Columns{{Names: columns, When: everything}}}
		}
		rates := func(account, revision string) query.Query {
			q := cards(account)
			q.Type, q.Parent, q.Revision = "rate", "crd_m", revision
			return q
		}
		assignments := cards("acc_m")
		assignments.Type, assignments.Parent = "assignment", "crd_m"
		assignments.Also = []query.TypedFilter{{Type: "account", Filter: everything}}
		asAssignee := assignments
		asAssignee.Env = me("acc_r")
		onCard := cards("acc_r")
		onCard.Type, onCard.Parent = "card_customer", "crd_r"
		onCard.Also = []query.TypedFilter{{Type: "customer", Filter: is("status", "active")}}
		lent := full("group", "grp_1", "id", "name", "rows")
		lent.Views[0].Name = "lent"
		three := `"prefix":"1","name":"US","cost":"0.01","inter":"0.009","intra":null,"mcd":6,"pulse":6,"connect":"0","status":"open"}` + "\n" +
			`translated {"prefix":"44","name":"UK","cost":"0.0125000001","inter":null,"intra":null,"mcd":0,"pulse":1,"connect":"1","status":"open"}` + "\n" +
			`translated {"prefix":"441","name":"UK fix","cost":"0.005","inter":null,"intra":null,"mcd":30,"pulse":6,"connect":"0","status":"blocked"}`
		for _, c := range []struct {
			name string
			q    query.Query
			want string
		}{
			{"a reseller sees an assigned card as its provider's, and its own", cards("acc_r"),
				`translated {"id":"crd_m","kind":"provider","name":"Retail","carrier":"Carrier","currency":"EUR",` +
					`"revision":{"id":"rev_2","activated_at":"2023-11-14T22:13:20Z","rows":3}}` + "\n" +
					`customer {"id":"crd_r","kind":"customer","name":"Mine","public_name":"Mine, public","carrier":null,"currency":"EUR",` +
					`"notes":"hush","assigned_to":[],"revision":{"id":"rev_3","number":1,"activated_at":"1970-01-01T00:00:00.000001Z","rows":0}}`},
			{"an assignment that is over or yet to come shows nothing", cards("acc_x"), ""},
			{"the owner sees whom a card is assigned to now", full("card", "crd_m", "assigned_to"), `full {"assigned_to":["acc_r"]}`},
			{"a group's loans and access", full("group", "grp_1", "lend_to", "default_access", "rows"),
				`full {"lend_to":["acc_r","acc_x"],"default_access":["create","read","update"],"rows":{"customer":[],"user":["read","delete"]}}`},
			{"a group lent to all", full("group", "grp_2", "lend_to", "default_access", "rows"), `full {"lend_to":"all","default_access":[],"rows":{}}`},
			{"a lent group has no private name", lent, `lent {"id":"grp_1","name":"Group","rows":{"customer":[],"user":["read","delete"]}}`},
			{"an account's ceiling and times", full("account", "acc_r", "ceiling", "updated_at", "tenant_id"),
				`full {"ceiling":{"audit":[],"customer":["create","read"]},"updated_at":"2023-11-14T22:13:20.123456Z"}`},
			{"a customer's cards", full("customer", "cus_1", "cards", "name"), `full {"name":"One","cards":["crd_r"]}`},
			{"rates are their card's", rates("acc_r", ""), "translated {" + three},
			{"rates of a card that is not seen", rates("acc_x", ""), ""},
			{"an older revision is the owner's alone", rates("acc_r", "rev_1"), ""},
			{"an older revision for its owner", rates("acc_m", "rev_1"),
				`customer {"prefix":"44","name":"Old","cost":"0.0000000001","inter":null,"intra":null,"mcd":0,"pulse":1,"connect":"0","status":"open"}`},
			{"another card's revision", rates("acc_m", "rev_3"), ""},
			{"assignments that are not over", assignments,
				`customer {"account_id":"acc_r","valid_from":"2027-01-15T07:59:59.99999Z","valid_to":null}` + "\n" +
					`customer {"account_id":"acc_x","valid_from":"2027-01-15T08:00:00.00005Z","valid_to":null}`},
			{"assignments are not the assignee's to see", asAssignee, ""},
			{"customers on a card pass their own filter too", onCard, `customer {"customer_id":"cus_1","valid_from":"2027-01-15T07:59:59.999999Z","valid_to":null}`},
		} {
			t.Run(c.name, func(t *testing.T) {
				if got := answered(t, s, c.q); got != c.want {
					t.Errorf("got\n%s\nwant\n%s", got, c.want)
				}
			})
		}
	})
}

func TestARateCardStreamsWhole(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, fixedClock(), func(t *testing.T, s *store.Store) {
		house(t, s)
		q := cards("acc_r")
		q.Type, q.Parent, q.Limit = "rate", "crd_m", 1
		var lines []string
		err := s.Stream(context.Background(), q, func(row query.Row) error {
			var line []byte
			for _, name := range row.Names() {
				line, _ = row.Text(line, name)
				line = append(line, ';')
			}
			lines = append(lines, string(line))
			return nil
		})
		want := []string{"1;US;0.01;0.009;;6;6;0;open;", "44;UK;0.0125000001;;;0;1;1;open;", "441;UK fix;0.005;;;30;6;0;blocked;"}
		if err != nil || !slices.Equal(lines, want) {
			t.Errorf("%q, %v", lines, err)
		}
		stop := errors.New("enough")
		if err := s.Stream(context.Background(), q, func(query.Row) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("the callback's error became %v", err)
		}
		q.Sort, q.Desc, q.Limit = "cost", true, 2
		if got := answered(t, s, q); !strings.Contains(got, `"44"`) || strings.Contains(got, "441") {
			t.Errorf("by cost, dearest first: %s", got)
		}
	})
}

func TestAQueryThatCannotBeAnsweredIsInvalid(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ok := cards("acc_r")
		with := func(change func(*query.Query)) query.Query { q := ok; change(&q); return q }
		for name, q := range map[string]query.Query{
			"an unknown type":            with(func(q *query.Query) { q.Type = "secret" }),
			"a limit too large":          with(func(q *query.Query) { q.Limit = 1001 }),
			"a negative limit":           with(func(q *query.Query) { q.Limit = -1 }),
			"a parent where none is":     with(func(q *query.Query) { q.Parent = "crd_m" }),
			"no parent where one is":     with(func(q *query.Query) { q.Type = "rate" }),
			"a join without its filter":  with(func(q *query.Query) { q.Type, q.Parent = "assignment", "crd_m" }),
			"an order by what is hidden": with(func(q *query.Query) { q.Sort = "tech_prefix" }),
			"an order by what is not":    with(func(q *query.Query) { q.Sort = "nonsense" }),
			"an order by a document":     with(func(q *query.Query) { q.Sort = "revision" }),
			"a selection by what is hidden": with(func(q *query.Query) {
				q.Where = []query.Condition{{Column: "tech_prefix", Op: query.Eq, Value: "1"}}
			}),
			"an unknown operator":             with(func(q *query.Query) { q.Where = []query.Condition{{Column: "name", Op: "like", Value: "%"}} }),
			"text with a NUL":                 with(func(q *query.Query) { q.Where = []query.Condition{{Column: "name", Op: query.Eq, Value: "\x00"}} }),
			"a filter over an unknown column": with(func(q *query.Query) { q.Filter = is("secret", "x") }),
			"a foreign cursor":                with(func(q *query.Query) { q.Sort, q.After = "name", &query.Cursor{Key: int64(1), ID: "x"} }),
		} {
			if _, err := s.List(context.Background(), q); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if page, err := s.List(context.Background(), with(func(q *query.Query) { q.ID = "\x00" })); err != nil || len(page.Rows) != 0 {
			t.Errorf("an id that cannot be stored is one that does not exist: %v", err)
		}
	})
}

func TestNothingSaidShowsNothing(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, fixedClock(), func(t *testing.T, s *store.Store) {
		house(t, s)
		for name, q := range map[string]query.Query{
			"no filter":           {Type: "card", Views: []query.View{{Name: "full", When: everything}}},
			"no view":             {Type: "card", Filter: everything},
			"two views at once":   {Type: "card", Filter: everything, Views: []query.View{{Name: "a", When: everything}, {Name: "b", When: everything}}},
			"no request to go by": {Type: "card", Filter: own, Views: []query.View{{Name: "full", When: everything}}},
		} {
			q.Count = true
			page, err := s.List(context.Background(), q)
			if err != nil || len(page.Rows) != 0 || page.Total != 0 {
				t.Errorf("%s: %d rows of %d, %v", name, len(page.Rows), page.Total, err)
			}
		}
		q := query.Query{Type: "card", Filter: everything, Views: []query.View{{Name: "full", When: everything}}}
		if got := answered(t, s, q); got != "full {}\nfull {}\nfull {}" {
			t.Errorf("no columns: %s", got)
		}
	})
}

func TestAQueryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		house(t, s)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := s.List(ended, cards("acc_r")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		late, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		q := cards("acc_m")
		q.Type, q.Parent = "rate", "crd_m"
		err := s.Stream(late, q, func(query.Row) error { <-late.Done(); return nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("too late: %v", err)
		}
	})
}
