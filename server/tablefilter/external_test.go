package tablefilter_test

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"resellerd/policies/predicate"
	"resellerd/server/tablefilter"
	"resellerd/store"
	"resellerd/store/storetest"
)

// named are accounts with external ids.
type named []store.NamedAccount

// Below implements tablefilter.Accounts.
func (n named) Below() ([]store.NamedAccount, error) { return n, nil }

// Find implements tablefilter.Accounts.
func (n named) Find(id string) (store.NamedAccount, bool) {
	for _, a := range n {
		if a.ID == id {
			return a, true
		}
	}
	return store.NamedAccount{}, false
}

// account is the environment of a user of one account.
type account struct{ id, tenant string }

// Lookup implements predicate.Env.
func (a account) Lookup(ref predicate.Ref) (any, bool) {
	switch ref.String() {
	case "subject.account.id":
		return a.id, true
	case "subject.account.tenant_id":
		return a.tenant, true
	}
	return nil, false
}

// Below implements predicate.Env.
func (account) Below(string) bool { return false }

// Guard implements predicate.Env.
func (account) Guard(int) bool { return false }

var owned = predicate.Member{
	Item: predicate.Operand{Ref: predicate.Ref{"resource", "properties", "account_id"}}, Set: predicate.Operand{Ref: predicate.Below},
}

// Columns of external ids hold exactly the accounts of the subtree. An integer column is
// compared with canonical integers only, also where it holds a text.
func TestExternalIDsMatchExactly(t *testing.T) {
	accounts := named{{ID: "acc_1", ExternalID: "17"}, {ID: "acc_2", ExternalID: "017"}, {ID: "acc_3", ExternalID: "17abc"},
		{ID: "acc_4", ExternalID: "Straße"}, {ID: "acc_5"}, {ID: "acc_6", ExternalID: "-3"}, {ID: "acc_7", ExternalID: "+4"},
		{ID: "acc_8", ExternalID: "1e1"}, {ID: "acc_9", ExternalID: "9007199254740993"}}
	texts := []string{"17", "017", "17abc", "17 ", "17.0", "Straße", "strasse", "STRASSE", "Strasse", "-3", "4", "+4", "10", "1e1", "9007199254740993", "9007199254740992", "", "acc_1"}
	integers := []string{"17", "-3", "4", "10", "1", "9007199254740993", "9007199254740992", "0"}
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		if !storetest.Has(t, kind) {
			continue
		}
		db := storetest.Foreign(t, kind)
		p := &panelTable{name: kind, kind: kind, db: db}
		text := map[string]string{"sqlite": "TEXT COLLATE NOCASE", "postgres": "text", "mysql": "VARCHAR(50) CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci"}[kind]
		p.exec(t, "CREATE TABLE panel_rows (n INTEGER, t "+text+", i BIGINT, tenant "+text+")")
		n := 0
		insert := func(column, value string) {
			p.exec(t, fmt.Sprintf("INSERT INTO panel_rows (n, %s, tenant) VALUES (%d, '%s', 'T')", column, n, value))
			n++
		}
		for _, value := range texts {
			insert("t", value)
		}
		for _, value := range integers {
			insert("i", value)
		}
		if kind == "sqlite" { // its integer columns take any text
			insert("i", "17abc")
		}
		for column, values := range map[string][]string{"t": texts, "i": integers} {
			first := 0
			typ := tablefilter.Text
			if column == "i" {
				first, typ = len(texts), tablefilter.Integer
			}
			want := map[int]bool{}
			for i, value := range values {
				for _, a := range accounts {
					if a.ExternalID == value && value != "" {
						want[first+i] = true
					}
				}
			}
			for _, negated := range []bool{false, true} {
				e := predicate.Expr(owned)
				expected := maps.Clone(want)
				if negated {
					e = predicate.Not{X: e}
					expected = map[int]bool{}
					for i := range n {
						if !want[i] {
							expected[i] = true
						}
					}
				}
				tmpl, err := tablefilter.New(predicate.Filter{Kind: predicate.Where, Where: e}, nil, tablefilter.Table{
					Dialect: tablefilter.Dialect(kind), Placeholders: p.marks(), First: 1, ExternalIDs: true,
					Columns: map[string]tablefilter.Column{"account_id": {Name: column, Type: typ}},
				})
				if err != nil {
					t.Fatal(err)
				}
				f, err := tmpl.Bind(account{"acc_1", "acc_1x"}, accounts)
				if err != nil {
					t.Fatal(err)
				}
				if passed := p.passing(t, f); !maps.Equal(passed, expected) {
					t.Errorf("%s, column %s, negated %v: %v, want %v\n%s %q", kind, column, negated, passed, expected, f.SQL, f.Args)
				}
			}
		}
	}
}

func TestSubtreesHaveALimit(t *testing.T) {
	accounts := make(named, tablefilter.MaxBelow+1)
	for i := range accounts {
		accounts[i].ID = "acc_" + strconv.Itoa(i)
	}
	table := tablefilter.Table{Dialect: tablefilter.Postgres, Placeholders: tablefilter.Dollar, First: 1,
		Columns: map[string]tablefilter.Column{"account_id": {Name: "a", Type: tablefilter.Text}}}
	filter := predicate.Filter{Kind: predicate.Where, Where: owned}
	tmpl, err := tablefilter.New(filter, nil, table)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Bind(account{"acc_0", "acc_0"}, accounts); !errors.Is(err, tablefilter.ErrManyBelow) {
		t.Errorf("%v", err)
	}
	if f, err := tmpl.Bind(account{"acc_0", "acc_0"}, accounts[1:]); err != nil || len(f.Args) != tablefilter.MaxBelow {
		t.Errorf("%d arguments, %v", len(f.Args), err)
	}
	table.Columns["tenant_id"] = tablefilter.Column{Name: "t", Type: tablefilter.Text}
	if tmpl, err = tablefilter.New(filter, nil, table); err != nil {
		t.Fatal(err)
	}
	if f, err := tmpl.Bind(account{"acc_0", "acc_0"}, accounts); err != nil || len(f.Args) != 1 {
		t.Errorf("a master with a column of tenants: %q, %v", f.Args, err)
	}
	if _, err := tmpl.Bind(account{"acc_0", "acc_m"}, accounts); !errors.Is(err, tablefilter.ErrManyBelow) {
		t.Errorf("a reseller: %v", err)
	}
}

// One reseller's page is found by the index, not by reading the table.
func TestFiltersUseTheIndex(t *testing.T) {
	for kind, c := range map[string]struct{ text, explain, index string }{
		"sqlite":   {"TEXT COLLATE NOCASE", "EXPLAIN QUERY PLAN ", "USING COVERING INDEX panel_index"},
		"postgres": {"text", "EXPLAIN ", "using panel_index"},
		"mysql":    {"VARCHAR(50) CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci", "EXPLAIN ", "panel_index"},
	} {
		if !storetest.Has(t, kind) {
			continue
		}
		p := &panelTable{name: kind, kind: kind, db: storetest.Foreign(t, kind)}
		p.exec(t, "CREATE TABLE panel_rows (n INTEGER, account "+c.text+")")
		p.exec(t, "INSERT INTO panel_rows (n, account) WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT n, 'acc_0' FROM r")
		for i := 1; i < 6; i++ { // 28,800 rows of 32 accounts
			p.exec(t, fmt.Sprintf("INSERT INTO panel_rows (n, account) SELECT n + %d, %s FROM panel_rows", 900<<(i-1), appended(kind, i)))
		}
		p.exec(t, "CREATE INDEX panel_index ON panel_rows (account, n)")
		p.exec(t, map[string]string{"sqlite": "ANALYZE", "postgres": "ANALYZE panel_rows", "mysql": "ANALYZE TABLE panel_rows"}[kind])
		tmpl, err := tablefilter.New(predicate.Filter{Kind: predicate.Where, Where: owned}, nil, tablefilter.Table{
			Dialect: tablefilter.Dialect(kind), Placeholders: p.marks(), First: 1,
			Columns: map[string]tablefilter.Column{"account_id": {Name: "account", Type: tablefilter.Text}},
		})
		if err != nil {
			t.Fatal(err)
		}
		f, err := tmpl.Bind(account{"acc_01", "acc_m"}, named{{ID: "acc_01"}})
		if err != nil {
			t.Fatal(err)
		}
		if plan := p.explained(t, c.explain+"SELECT n FROM panel_rows WHERE "+f.SQL+" ORDER BY n LIMIT 50", f.Args); !strings.Contains(plan, c.index) || strings.Contains(plan, "Sort") {
			t.Errorf("%s: %s\n%s", kind, f.SQL, plan)
		}
	}
}

// appended is an expression for the account with one more digit.
func appended(kind string, i int) string {
	if kind == "mysql" {
		return fmt.Sprintf("CONCAT(account, '%d')", i)
	}
	return fmt.Sprintf("account || '%d'", i)
}

// explained returns a plan as text.
func (p *panelTable) explained(t *testing.T, query string, args []string) string {
	t.Helper()
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg
	}
	rows, err := p.db.QueryContext(t.Context(), query, values...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		for i := range cells {
			if text, isBytes := (*cells[i].(*any)).([]byte); isBytes {
				fmt.Fprintf(&plan, "%s ", text)
			} else {
				fmt.Fprintf(&plan, "%v ", *cells[i].(*any))
			}
		}
		plan.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
