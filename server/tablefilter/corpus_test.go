package tablefilter_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/server/tablefilter"
	"resellerd/store"
	"resellerd/store/storetest"
)

// panelTable is a table of the panel's own in one database: texts with one collation,
// and rows that break naive comparisons.
type panelTable struct {
	name    string
	kind    string
	texts   string // type of text columns
	setup   string
	columns map[string]tablefilter.Column
	db      *sql.DB
}

var (
	textColumns    = []string{"id", "account_id", "tenant_id", "parent_id", "kind", "name", "public_name", "carrier", "currency", "direction", "external_id", "status", "label"}
	integerColumns = []string{"depth", "size"}
	booleanColumns = []string{"flag", "other"}
)

// panelTables are the databases and collations that every filter is tried on.
func panelTables() []*panelTable {
	return []*panelTable{
		{name: "sqlite binary", kind: "sqlite", texts: "TEXT COLLATE BINARY"},
		{name: "sqlite nocase", kind: "sqlite", texts: "TEXT COLLATE NOCASE"},
		{name: "sqlite rtrim", kind: "sqlite", texts: "VARCHAR(20) COLLATE RTRIM"},
		{name: "postgres default", kind: "postgres", texts: "text"},
		{name: "postgres ignoring case and accents", kind: "postgres", texts: `varchar COLLATE loose`,
			setup: `CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`},
		{name: "mariadb uca1400", kind: "mysql", texts: "TEXT CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci"},
		{name: "mariadb general", kind: "mysql", texts: "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"},
		{name: "mariadb bin", kind: "mysql", texts: "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
		{name: "mariadb bytes", kind: "mysql", texts: "BLOB"},
	}
}

// marks are the placeholders that the driver of the database takes.
func (p *panelTable) marks() tablefilter.Placeholders {
	if p.kind == "postgres" {
		return tablefilter.Dollar
	}
	return tablefilter.Question
}

// create makes the table with rows.
func (p *panelTable) create(t *testing.T, rows []map[string]any) {
	t.Helper()
	p.db = storetest.Foreign(t, p.kind)
	boolean := map[string]string{"sqlite": "INTEGER", "postgres": "boolean", "mysql": "BOOLEAN"}[p.kind]
	p.columns = map[string]tablefilter.Column{}
	defs := []string{"n INTEGER"}
	add := func(names []string, def string, typ tablefilter.Type) {
		for _, name := range names {
			defs = append(defs, "c_"+name+" "+def)
			p.columns[name] = tablefilter.Column{Name: "c_" + name, Type: typ}
		}
	}
	add(textColumns, p.texts, tablefilter.Text)
	add(integerColumns, "BIGINT", tablefilter.Integer)
	add(booleanColumns, boolean, tablefilter.Boolean)
	if p.setup != "" {
		p.exec(t, p.setup)
	}
	p.exec(t, "CREATE TABLE panel_rows ("+strings.Join(defs, ", ")+")")
	for i, row := range rows {
		p.insert(t, i, row)
	}
}

func (p *panelTable) insert(t *testing.T, n int, row map[string]any) {
	t.Helper()
	names, marks, values := []string{"n"}, []string{"1"}, []any{}
	marks[0] = strconv.Itoa(n)
	for _, name := range slices.Sorted(maps.Keys(row)) {
		values = append(values, row[name])
		names = append(names, "c_"+name)
		mark := "?"
		if p.kind == "postgres" {
			mark = "$" + strconv.Itoa(len(values))
		}
		marks = append(marks, mark)
	}
	p.exec(t, "INSERT INTO panel_rows ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", values...)
}

func (p *panelTable) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := p.db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %s %q: %v", p.name, statement, args, err)
	}
}

// passing returns the rows that a filter lets pass.
func (p *panelTable) passing(t *testing.T, f tablefilter.Filter) (passed map[int]bool) {
	t.Helper()
	args := make([]any, len(f.Args))
	for i, arg := range f.Args {
		args[i] = arg
	}
	rows, err := p.db.QueryContext(t.Context(), "SELECT n FROM panel_rows WHERE "+f.SQL, args...)
	if err != nil {
		t.Fatalf("%s: %s %q: %v", p.name, f.SQL, f.Args, err)
	}
	defer rows.Close()
	passed = map[int]bool{}
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		passed[n] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return passed
}

// hostileRows are rows whose values differ from those of others in case, accents,
// blanks and Unicode form.
func hostileRows(r *rand.Rand, n int) []map[string]any {
	var rows []map[string]any
	for _, typ := range []string{"card", "account", "widget"} {
		for _, row := range policiestest.Rows(r, typ, n/3) {
			delete(row, "assigned_to")
			delete(row, "notes")
			delete(row, "email")
			for name, value := range row {
				text, isText := value.(string)
				if isText && r.IntN(6) == 0 {
					row[name] = disguised(r, text)
				}
			}
			if r.IntN(3) == 0 {
				row["label"] = policiestest.Text(r)
			}
			row["tenant_id"] = tenantOf(row["account_id"])
			if row["tenant_id"] == "" {
				delete(row, "tenant_id")
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// tenantOf is what a column of tenants holds: the tenant of the row's account.
func tenantOf(account any) string {
	for _, a := range policiestest.Accounts() {
		if a.ID == account {
			return a.TenantID
		}
	}
	return ""
}

// disguised returns a text that many collations take for the same.
func disguised(r *rand.Rand, text string) string {
	switch r.IntN(7) {
	case 0:
		return strings.ToUpper(text)
	case 1:
		return text + " "
	case 2:
		return " " + text
	case 3:
		return text + "\u00a0"
	case 4:
		return strings.Replace(text, "a", "á", 1)
	case 5:
		return strings.Replace(text, "a", "a\u0301", 1)
	}
	return text + "\u200b"
}

// ownRows is the tree of a policy of the corpus that reads the rows of a panel's table:
// each column is a property.
func ownRows(c policiestest.Case) fs.FS {
	tree, own := c.Tree(), fstest.MapFS{}
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, path)
		for _, name := range slices.Concat(textColumns, integerColumns, booleanColumns) {
			if name != "id" {
				text = []byte(strings.ReplaceAll(string(text), "input.resource."+name, "input.resource.properties."+name))
			}
		}
		own[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		panic(err)
	}
	return own
}

// subtree is the accounts of a world, by resellerd's own ids.
type subtree struct{ own string }

// Below implements tablefilter.Accounts.
func (s subtree) Below() ([]store.NamedAccount, error) {
	var list []store.NamedAccount
	for _, a := range policiestest.Accounts() {
		if policiestest.Below(s.own, a.ID) {
			list = append(list, store.NamedAccount{ID: a.ID})
		}
	}
	return list, nil
}

// Find implements tablefilter.Accounts.
func (subtree) Find(string) (store.NamedAccount, bool) { return store.NamedAccount{}, false }

func subtreeOf(in *input.Input) subtree {
	if in.Subject.Facts == nil {
		return subtree{"acc_nobody"}
	}
	return subtree{in.Subject.Facts.Account.ID}
}

// withProperties is a question about one row of a panel's table.
func withProperties(in *input.Input, row map[string]any) *input.Input {
	out := *in
	properties := maps.Clone(row)
	if id, ok := row["id"].(string); ok {
		out.Resource.ID = id
	}
	delete(properties, "id")
	out.Resource.Properties = properties
	return &out
}

// For each policy of the corpus that a filter can express, the filter lets exactly the
// rows pass that a full evaluation allows, in every database and collation.
func TestFiltersLetPassWhatEvaluationAllows(t *testing.T) {
	cases, err := policiestest.LoadCorpus()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(depth.FirstSeed(), 7))
	rows := hostileRows(r, 90)
	tables := created(t, rows)
	engines := map[string]*policies.Engine{}
	for _, c := range cases {
		engine, err := policies.Load(context.Background(), ownRows(c), policies.Options{Timeout: time.Minute})
		if err == nil { // the others cannot be loaded without a schema
			engines[c.Name] = engine
		}
	}
	tried, passed, expressed := 0, 0, map[string]bool{}
	for tried < depth.Pairs() {
		for _, name := range slices.Sorted(maps.Keys(engines)) {
			if n, ok := compare(t, r, name, engines[name], rows, tables); ok {
				tried, passed = tried+len(rows), passed+n
				expressed[name] = true
			}
		}
		if len(expressed) < 150 {
			t.Fatalf("only %d policies have filters", len(expressed))
		}
	}
	t.Logf("%d policies of %d; %d of %d pairs passed, in each of %d tables", len(expressed), len(engines), passed, tried, len(tables))
	if passed == 0 || passed == tried {
		t.Error("the filters tell nothing apart")
	}
}

// created makes each table whose database is there.
func created(t *testing.T, rows []map[string]any) (tables []*panelTable) {
	t.Helper()
	for _, p := range panelTables() {
		if storetest.Has(t, p.kind) {
			p.create(t, rows)
			tables = append(tables, p)
		}
	}
	return tables
}

// compare tries one request. It returns how many rows passed, and false if the filter
// cannot be expressed.
func compare(t *testing.T, r *rand.Rand, name string, engine *policies.Engine, rows []map[string]any, tables []*panelTable) (int, bool) {
	t.Helper()
	in := policiestest.Input(r, "row")
	plan := engine.Plan(context.Background(), in)
	if errors.Is(plan.Err, policies.ErrNoFilter) {
		return 0, false
	}
	filters := make([]tablefilter.Filter, len(tables))
	for i, p := range tables {
		var ok bool
		if filters[i], ok = p.filter(t, plan, in); !ok {
			return 0, false
		}
	}
	allowed := map[int]bool{}
	for i, row := range rows {
		if engine.Evaluate(context.Background(), withProperties(in, row)).Allow {
			allowed[i] = true
		}
	}
	for i, p := range tables {
		if passed := p.passing(t, filters[i]); !maps.Equal(passed, allowed) {
			for n, row := range rows {
				if passed[n] != allowed[n] {
					t.Fatalf("%s, %s: the filter says %v and the check %v\nrow %v\ninput %v\nfilter %s\nsql %s %q",
						name, p.name, passed[n], allowed[n], row, in.Document(), plan.Filter, filters[i].SQL, filters[i].Args)
				}
			}
		}
	}
	return len(allowed), true
}

// filter renders a plan for the table. It returns false for a refusal.
func (p *panelTable) filter(t *testing.T, plan *policies.Plan, in *input.Input) (tablefilter.Filter, bool) {
	t.Helper()
	if plan.Err != nil { // of this request: no row passes
		return tablefilter.Filter{Kind: predicate.None, SQL: "1=0"}, true
	}
	table := tablefilter.Table{Dialect: tablefilter.Dialect(p.kind), Placeholders: p.marks(), First: 1, Columns: p.columns}
	tmpl, err := tablefilter.New(plan.Filter, plan.RowKinds(), table)
	var f tablefilter.Filter
	if err == nil {
		f, err = tmpl.Bind(plan.Bind(context.Background(), in), subtreeOf(in))
	}
	var column *tablefilter.ColumnError
	if err != nil && !errors.As(err, &column) {
		t.Fatalf("%s: %v", p.name, err)
	}
	return f, err == nil
}
