package storetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/dialect"
)

// PlanReader reads the plans of statements. It has the settings of the store's own
// connections.
type PlanReader struct {
	conn    *sql.Conn
	dialect string
}

// Planner returns a reader of plans in the database of a store from Open.
func Planner(t testing.TB, s *store.Store) *PlanReader {
	t.Helper()
	conn, err := SQL(t, s).Conn(context.Background())
	need(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	r := &PlanReader{conn, s.Dialect()}
	if r.dialect == "postgres" {
		r.Exec(t, dialect.PlanSettings)
	}
	return r
}

// Exec runs a statement.
func (r *PlanReader) Exec(t testing.TB, text string) {
	t.Helper()
	if _, err := r.conn.ExecContext(context.Background(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// Step is a step of a plan that finds rows of a table.
type Step struct {
	Table, Index string
	Columns      []string // of the conditions that find the rows, sorted
	Whole        bool     // it has no such condition
	// Passed are columns of the index that only sort out rows which it has read. Only
	// PostgreSQL tells.
	Passed []string
}

// Plan returns the steps of the plan for any values of the arguments.
func (r *PlanReader) Plan(t testing.TB, text string, args []any) []Step {
	t.Helper()
	if r.dialect == "sqlite" {
		return r.sqlitePlan(t, text, args)
	}
	r.Exec(t, "DEALLOCATE ALL")
	r.Exec(t, "PREPARE q AS "+text)
	values := ""
	if len(args) > 0 {
		values = "(NULL" + strings.Repeat(", NULL", len(args)-1) + ")"
	}
	var plan string
	err := r.conn.QueryRowContext(context.Background(), "EXPLAIN (FORMAT JSON) EXECUTE q"+values).Scan(&plan)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var parsed []struct{ Plan node }
	need(t, json.Unmarshal([]byte(plan), &parsed))
	all := parsed[0].Plan.steps(nil)
	for i, s := range all {
		all[i].Passed = slices.DeleteFunc(s.Passed, func(column string) bool { return !r.indexes(t, s.Index, column) })
	}
	return all
}

// indexes reports whether a column is one of an index.
func (r *PlanReader) indexes(t testing.TB, index, column string) (is bool) {
	t.Helper()
	need(t, r.conn.QueryRowContext(context.Background(), "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2)", index, column).Scan(&is))
	return is
}

// node is a node of a plan of PostgreSQL.
type node struct {
	Type  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Name"`
	Cond  string `json:"Index Cond"`
	Sorts string `json:"Filter"`
	Plans []node
}

var (
	comparedColumn = regexp.MustCompile(`\b([a-z_]+) (?:=|<|>|<=|>=|IS)(?: |$)`)
	oneOfSeveral   = regexp.MustCompile(`\b([a-z_]+) = ANY`)
)

func (n node) steps(all []Step) []Step {
	switch {
	case n.Type == "Seq Scan":
		all = append(all, Step{Table: n.Table, Whole: true})
	case n.Index != "":
		s := Step{Table: n.Table, Index: n.Index, Whole: n.Cond == ""}
		for _, m := range comparedColumn.FindAllStringSubmatch(n.Cond, -1) {
			s.Columns = append(s.Columns, m[1])
		}
		slices.Sort(s.Columns)
		s.Columns = slices.Compact(s.Columns)
		for _, m := range oneOfSeveral.FindAllStringSubmatch(n.Sorts, -1) {
			s.Passed = append(s.Passed, m[1])
		}
		all = append(all, s)
	}
	for _, p := range n.Plans {
		if strings.HasPrefix(p.Type, "Bitmap") && p.Table == "" { // a bitmap of an index, or of several
			p.Table = n.Table
		}
		all = p.steps(all)
	}
	return all
}

var (
	sqliteStep   = regexp.MustCompile(`^(SEARCH|SCAN) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|[A-Z ]*PRIMARY KEY))?(?: \((.*)\))?`)
	sqliteColumn = regexp.MustCompile(`(\w+)[=<>]`)
	sqliteFrom   = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|INTO|UPDATE) (\w+)(?: AS)?(?: (\w+))?`)
)

func (r *PlanReader) sqlitePlan(t testing.TB, text string, args []any) (all []Step) {
	t.Helper()
	rows, err := r.conn.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	tables := map[string]string{}
	for _, m := range sqliteFrom.FindAllStringSubmatch(text, -1) {
		tables[m[1]] = m[1]
		if m[2] != "" {
			tables[m[2]] = m[1]
		}
	}
	for rows.Next() {
		var id, parent, unused int
		var detail string
		need(t, rows.Scan(&id, &parent, &unused, &detail))
		if strings.Contains(detail, "AUTOMATIC") {
			t.Errorf("%s\nbuilds an index: %s", text, detail)
		}
		m := sqliteStep.FindStringSubmatch(detail)
		if m == nil || m[1] == "SCAN" && strings.Contains(text, ") "+m[2]+" ") || strings.Contains(detail, "VIRTUAL TABLE") || !known(tables[m[2]]) && !known(m[2]) {
			continue // rows of a subquery, or of the arguments
		}
		s := Step{Table: tables[m[2]], Index: m[3], Whole: m[1] == "SCAN"}
		if s.Table == "" {
			s.Table = m[2]
		}
		for _, c := range sqliteColumn.FindAllStringSubmatch(m[4], -1) {
			s.Columns = append(s.Columns, c[1])
		}
		slices.Sort(s.Columns)
		all = append(all, s)
	}
	need(t, rows.Err())
	return all
}

func known(table string) bool {
	return slices.ContainsFunc(fillers, func(f filler) bool { return f.table == table })
}

// filler makes rows of a table like one that is there. by has other values for columns,
// in which i is the number of the row.
type filler struct {
	table string
	n     int
	where string
	by    map[string]string
}

const manyTenants = "'acc_t' || (i % 50)"

var fillers = []filler{
	{"accounts", 5000, "WHERE kind = 'reseller'", map[string]string{"id": "'acc_' || i", "tenant_id": manyTenants, "parent_id": manyTenants, "external_id": "NULL"}},
	{"account_tree", 5000, "WHERE depth = 1", map[string]string{"ancestor_id": manyTenants, "descendant_id": "'acc_' || i"}},
	{"account_tree", 5000, "WHERE depth = 0", map[string]string{"ancestor_id": "'acc_' || i", "descendant_id": "'acc_' || i"}},
	{"groups", 10000, "", map[string]string{"id": "'grp_' || i", "tenant_id": manyTenants, "account_id": "'acc_' || (i / 2)"}},
	{"group_rows", 20000, "", map[string]string{"group_id": "'grp_' || (i / 2)", "area": "'x' || i"}},
	{"group_loans", 10000, "", map[string]string{"group_id": "'grp_' || i", "account_id": "'acc_' || (i / 2)"}},
	{"users", 20000, "", map[string]string{"id": "'usr_' || i", "tenant_id": manyTenants, "account_id": "'acc_' || (i / 4)", "external_id": "NULL", "login": "'l' || i", "login_key": "'l' || i"}},
	{"user_groups", 20000, "", map[string]string{"user_id": "'usr_' || i", "group_id": "'grp_' || (i / 2)"}},
	{"customers", 30000, "", map[string]string{"id": "'cus_' || i", "tenant_id": manyTenants, "account_id": "'acc_' || (i / 6)", "external_id": "NULL"}},
	{"cards", 20000, "WHERE kind = 'customer'", map[string]string{"id": "'crd_' || i", "tenant_id": manyTenants, "account_id": "'acc_' || (i / 4)", "external_id": "NULL"}},
	{"assignments", 20000, "", map[string]string{"card_id": "'crd_' || i", "account_id": "'acc_' || (i / 4)", "valid_from": "i", "valid_to": "CASE WHEN i % 2 = 0 THEN i + 1 END"}},
	{"card_customers", 20000, "", map[string]string{"card_id": "'crd_' || i", "customer_id": "'cus_' || i"}},
	{"revisions", 40000, "WHERE status IN ('archived', 'inactive', 'draft') AND card_id IS NOT NULL", map[string]string{"id": "'rev_' || i", "card_id": "'crd_' || (i / 2)", "number": "NULL", "status": "'archived'"}},
	{"revisions", 20000, "WHERE status = 'active'", map[string]string{"id": "'revactive_' || i", "card_id": "'crd_' || i", "number": "1"}},
	{"rates", 50000, "", map[string]string{"revision_id": "'rev_big'", "prefix": "CAST(1000000 + i AS TEXT)"}},
	{"rates", 50000, "", map[string]string{"revision_id": "'rev_' || (i / 5)", "prefix": "CAST(1000000 + i AS TEXT)"}},
	{"revision_periods", 40000, "", map[string]string{"card_id": "'crd_' || (i / 2)", "revision_id": "'rev_' || i", "active_from": "i", "active_to": "i + 1"}},
	{"card_parents", 20000, "", map[string]string{"card_id": "'crd_' || i", "parent_id": "'crd_' || (i + 1)"}},
	{"revision_parents", 20000, "", map[string]string{"revision_id": "'revactive_' || i", "parent_id": "'crd_' || (i + 1)", "parent_revision_id": "'revactive_' || (i + 1)"}},
	{"profit_rules", 20000, "", map[string]string{"card_id": "'crd_' || i"}},
	{"destinations", 20000, "", map[string]string{"account_id": "'acc_' || (i / 10)", "prefix": "CAST(1000000 + i AS TEXT)"}},
	{"webhooks", 20000, "", map[string]string{"id": "'whk_' || i", "tenant_id": manyTenants, "account_id": "'acc_' || (i / 4)", "user_id": "'usr_' || i"}},
	{"webhook_states", 20000, "", map[string]string{"webhook_id": "'whk_' || i"}},
	{"dead_letters", 20000, "", map[string]string{"webhook_id": "'whk_' || (i / 4)", "id": "'msg_' || i"}},
	{"audit_entries", 30000, "", map[string]string{"id": "'aud_' || i", "tenant_id": manyTenants, "account_id": "'acc_' || (i / 6)"}},
	{"audit_entries", 30000, "WHERE resource_type = 'user'", map[string]string{"id": "'aud_user' || i", "tenant_id": manyTenants, "account_id": "'acc_' || (i / 6)", "resource_id": "'usr_' || (i / 3)"}},
	{"changes", 30000, "WHERE id <> ''", map[string]string{"tenant_id": manyTenants, "revision": "1000 + i", "id": "'usr_' || (i / 3)"}},
	{"change_packs", 30000, "WHERE type = 'user'", map[string]string{"tenant_id": manyTenants, "at": "i", "mark": "'mark' || i", "id": "'usr_' || (i / 3)"}},
	{"former_access", 30000, "", map[string]string{"tenant_id": manyTenants, "id": "'usr_' || (i / 3)", "until": "i"}},
	{"idempotency_keys", 20000, "", map[string]string{"scope_hash": "CAST('k' || i AS BYTES)"}},
}

// Enlarge fills the tables of a store that has a row in each. The rows break rules that
// only triggers and foreign keys hold. So the store is only good for reading plans.
func Enlarge(t testing.TB, r *PlanReader) {
	t.Helper()
	ctx := context.Background()
	bytes := "BYTEA"
	if r.dialect == "postgres" {
		r.Exec(t, "SET session_replication_role = replica")
		defer r.Exec(t, "RESET session_replication_role")
	} else {
		bytes = "BLOB"
		r.Exec(t, "PRAGMA foreign_keys = 0")
		defer r.Exec(t, "PRAGMA foreign_keys = 1")
		var names []string
		rows, err := r.conn.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
		need(t, err)
		for rows.Next() {
			var name string
			need(t, rows.Scan(&name))
			names = append(names, name)
		}
		need(t, rows.Close())
		for _, name := range names {
			r.Exec(t, "DROP TRIGGER "+name)
		}
	}
	for _, f := range fillers {
		if r.dialect == "postgres" {
			r.Exec(t, "ALTER TABLE "+f.table+" SET (autovacuum_enabled = off)")
		}
		rows, err := r.conn.QueryContext(ctx, "SELECT * FROM "+f.table+" LIMIT 0")
		need(t, err)
		columns, err := rows.Columns()
		need(t, err)
		need(t, rows.Close())
		values := make([]string, len(columns))
		for i, c := range columns {
			if values[i] = "x." + c; f.by[c] != "" {
				values[i] = strings.Replace(f.by[c], "BYTES", bytes, 1)
			}
		}
		r.Exec(t, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO %s (%s) SELECT %s FROM n CROSS JOIN (SELECT * FROM %s %s LIMIT 1) x`,
			f.n, f.table, strings.Join(columns, ", "), strings.Join(values, ", "), f.table, f.where))
	}
}
