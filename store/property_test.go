package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// generator makes random predicates over the policy columns of a type.
type generator struct {
	r       *rand.Rand
	scalars []schema.ColumnInfo
	sets    []schema.ColumnInfo
	ids     []string
}

func newGenerator(r *rand.Rand, w *world, typ string) *generator {
	g := &generator{r: r, ids: slices.Concat(w.ids[typ], w.accounts)}
	for _, t := range schema.Types() {
		for _, c := range t.Columns {
			if t.Name != typ || !c.Policy || c.Opaque {
				continue
			}
			if c.Kind == schema.Set {
				g.sets = append(g.sets, c)
			} else {
				g.scalars = append(g.scalars, c)
			}
		}
	}
	return g
}

var latePaths = []predicate.Ref{
	{"subject", "account", "id"}, {"subject", "account", "tenant_id"}, {"context", "a"}, {"context", "b"}, {"resource", "properties", "c"},
}

func (g *generator) expr(depth int) predicate.Expr {
	if depth == 0 || g.r.IntN(4) == 0 {
		return g.atom()
	}
	switch g.r.IntN(3) {
	case 0:
		return predicate.Not{X: g.expr(depth - 1)}
	case 1:
		return predicate.And(g.some(depth - 1))
	}
	return predicate.Or(g.some(depth - 1))
}

func (g *generator) some(depth int) (all []predicate.Expr) {
	for range 1 + g.r.IntN(3) {
		all = append(all, g.expr(depth))
	}
	return all
}

func (g *generator) atom() predicate.Expr {
	switch g.r.IntN(12) {
	case 0:
		return predicate.Guard{ID: g.r.IntN(4)}
	case 1:
		return predicate.Defined{Ref: g.column().Ref}
	case 2, 3:
		return predicate.Match{Op: predicate.MatchOp(1 + g.r.IntN(3)), Text: g.operand(), Part: g.operand()}
	case 4, 5:
		return predicate.Member{Item: g.operand(), Set: predicate.Operand{Ref: predicate.Below}}
	case 6:
		return predicate.Member{Item: g.column(), Set: predicate.Operand{List: []any{g.scalar(), g.scalar(), g.scalar()}}}
	case 7:
		if len(g.sets) > 0 {
			return predicate.Member{Item: g.operand(), Set: predicate.Operand{Ref: predicate.Ref{"resource", pick(g.r, g.sets).Name}}}
		}
	case 8:
		if len(g.sets) > 0 {
			return predicate.Exists{Set: predicate.Ref{"resource", pick(g.r, g.sets).Name}, Where: g.ofElement()}
		}
	}
	return predicate.Compare{Op: predicate.Op(1 + g.r.IntN(6)), Left: g.operand(), Right: g.operand()}
}

// ofElement makes a condition on the element of a set.
func (g *generator) ofElement() predicate.Expr {
	element := predicate.Operand{Ref: predicate.Element}
	all := predicate.And{}
	for range g.r.IntN(3) {
		var e predicate.Expr = predicate.Compare{Op: predicate.Op(1 + g.r.IntN(6)), Left: element, Right: g.operand()}
		if g.r.IntN(2) == 0 {
			e = predicate.Match{Op: predicate.MatchOp(1 + g.r.IntN(3)), Text: element, Part: g.operand()}
		}
		if g.r.IntN(3) == 0 {
			e = predicate.Not{X: e}
		}
		all = append(all, e)
	}
	return all
}

func (g *generator) column() predicate.Operand {
	return predicate.Operand{Ref: predicate.Ref{"resource", pick(g.r, g.scalars).Name}}
}

func (g *generator) operand() predicate.Operand {
	switch g.r.IntN(5) {
	case 0:
		return predicate.Operand{Const: g.scalar()}
	case 1:
		return predicate.Operand{Ref: pick(g.r, latePaths)}
	}
	return g.column()
}

func (g *generator) scalar() any {
	switch g.r.IntN(8) {
	case 0:
		return int64(g.r.IntN(5))
	case 1:
		return g.r.IntN(2) == 0
	case 2, 3:
		return pick(g.r, g.ids)
	case 4:
		return pick(g.r, []string{"active", "customer", "provider", "reseller", "some", "EUR"})
	}
	return pick(g.r, hostile)
}

// filter returns a filter between nothing and everything, mostly in between.
func (g *generator) filter() predicate.Filter {
	switch g.r.IntN(12) {
	case 0:
		return predicate.Filter{Kind: predicate.All}
	case 1:
		return predicate.Filter{}
	case 2: // not simplified
		return predicate.Filter{Kind: predicate.Where, Where: g.expr(3)}
	}
	return predicate.Of(g.expr(3))
}

func (g *generator) asking(w *world) asking {
	a := asking{w: w, me: pick(g.r, w.accounts)}
	a.values = map[string]any{"subject.account.id": a.me, "subject.account.tenant_id": w.tenant(a.me)}
	for _, path := range latePaths[2:] {
		switch g.r.IntN(5) {
		case 0: // absent
		case 1:
			a.values[path.String()] = pick(g.r, []any{json.Number("1"), json.Number("1.5"), json.Number("1e400"), json.Number("-1e400"), 2.0, -0.5, []any{"a"}})
		default:
			a.values[path.String()] = g.scalar()
		}
	}
	return a
}

// query returns a query with random views and columns. One half of the queries has
// a single view of everything.
func (g *generator) query(w *world, typ string) (query.Query, asking) {
	a := g.asking(w)
	q := query.Query{Type: typ, Filter: g.filter(), Env: a, Limit: pick(g.r, []int{1, 3, 20, 1000}), Count: true}
	q.Leaf = !slices.ContainsFunc(w.accounts, func(id string) bool { return w.parents[id] == a.me })
	q.Views = []query.View{{Name: "full", When: predicate.Filter{Kind: predicate.All}}}
	if g.r.IntN(2) == 0 {
		q.Views = nil
		for _, name := range []string{"provider", "translated", "lent"}[:1+g.r.IntN(3)] {
			q.Views = append(q.Views, query.View{Name: name, When: g.filter()})
		}
	}
	if g.r.IntN(4) == 0 && len(q.Views) > 0 { // often a view's condition equals the filter
		q.Views[0].When = q.Filter
	}
	groups := [][]string{{"id", "name", "kind", "created_at"}, {"public_name", "carrier", "name", "status", "currency"}, {"assigned_to", "revision", "rows", "lend_to", "nonsense"}}
	for _, names := range groups[:1+g.r.IntN(3)] {
		q.Columns = append(q.Columns, query.Columns{Names: names, When: g.filter()})
	}
	if g.r.IntN(4) == 0 {
		q.Columns[0].When = q.Filter
	}
	return q, a
}

// expectation is what the predicates say about a row, when evaluated in memory.
type expectation struct {
	view    string
	columns []string
}

func expected(q query.Query, a asking) (expectation, bool) {
	var e expectation
	for _, v := range q.Views {
		if v.When.Eval(a) {
			if e.view != "" {
				return e, false
			}
			e.view = v.Name
		}
	}
	for _, c := range q.Columns {
		if c.When.Eval(a) {
			e.columns = append(e.columns, c.Names...)
		}
	}
	return e, e.view != "" && q.Filter.Eval(a)
}

func TestRowsOfTheFilterAreThoseThatPassIt(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	clock := store.Options{Now: func() time.Time { return time.UnixMicro(worldNow) }}
	storetest.EachWith(t, clock, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, 1)
		some, none, every := 0, 0, 0
		queries := depth.Runs(200)
		for i := range queries {
			r := rand.New(rand.NewPCG(2, uint64(i)))
			typ := []string{"card", "customer", "group", "account"}[i%4]
			q, a := newGenerator(r, w, typ).query(w, typ)
			switch n := checkQuery(t, s, w, q, a); {
			case t.Failed():
				t.Fatalf("query %d", i)
			case n == 0:
				none++
			case n == len(w.ids[typ]):
				every++
			default:
				some++
			}
		}
		t.Logf("%d queries gave some rows, %d none, %d every row", some, none, every)
		if some < queries/10 {
			t.Error("the predicates hardly tell rows apart")
		}
	})
}

func checkQuery(t *testing.T, s *store.Store, w *world, q query.Query, a asking) int {
	t.Helper()
	want := map[string]expectation{}
	for _, id := range w.ids[q.Type] {
		row, err := s.PolicyRow(context.Background(), q.Type, id)
		if err != nil {
			t.Fatal(err)
		}
		a.row = row
		if e, ok := expected(q, a); ok {
			want[id] = e
		}
	}
	rows, total := readAll(t, s, q)
	if total != len(rows) {
		t.Errorf("%v: %d counted, %d listed", q.Filter, total, len(rows))
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.ID())
		checkRow(t, q, row, want)
		delete(want, row.ID())
	}
	if len(want) > 0 {
		t.Errorf("%s %v: %d rows are missing: %v", q.Type, q.Filter, len(want), want)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("%s %v: order %v", q.Type, q.Filter, ids)
	}
	return len(rows)
}

func checkRow(t *testing.T, q query.Query, row query.Row, want map[string]expectation) {
	t.Helper()
	e, ok := want[row.ID()]
	if !ok {
		t.Errorf("%s %v: %s must not be listed", q.Type, q.Filter, row.ID())
		return
	}
	if row.View != e.view {
		t.Errorf("%s %s: view %q, want %q", q.Type, row.ID(), row.View, e.view)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(row.AppendJSON(nil), &keys); err != nil {
		t.Fatalf("%s: %v", row.AppendJSON(nil), err)
	}
	for _, name := range row.Names() {
		if _, ok := keys[name]; !ok || !slices.Contains(e.columns, name) {
			t.Errorf("%s %s: shows %s", q.Type, row.ID(), name)
		}
	}
	for _, name := range e.columns {
		if _, ok := keys[name]; !ok && shows(q.Type, name) {
			t.Errorf("%s %s: does not show %s", q.Type, row.ID(), name)
		}
	}
	if len(keys) != len(row.Names()) {
		t.Errorf("%s: JSON %s has other keys than %v", row.ID(), row.AppendJSON(nil), row.Names())
	}
}

func shows(typ, column string) bool {
	for _, t := range schema.Types() {
		for _, c := range t.Columns {
			if t.Name == typ && c.Name == column {
				return c.Show
			}
		}
	}
	return false
}

// readAll reads all pages of a list.
func readAll(t *testing.T, s *store.Store, q query.Query) (all []query.Row, total int) {
	t.Helper()
	for {
		page, err := s.List(context.Background(), q)
		if err != nil {
			t.Fatalf("%s %v: %v", q.Type, describe(q), err)
		}
		if len(page.Rows) > q.Limit {
			t.Fatalf("%d rows on a page of %d", len(page.Rows), q.Limit)
		}
		all, total = append(all, page.Rows...), page.Total
		if page.Next == nil {
			return all, total
		}
		q.After = page.Next
	}
}

func describe(q query.Query) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v sort %q %v where %v", q.Filter, q.Sort, q.Desc, q.Where)
	for _, v := range q.Views {
		fmt.Fprintf(&b, "\nview %s %v", v.Name, v.When)
	}
	for _, c := range q.Columns {
		fmt.Fprintf(&b, "\ncolumns %v %v", c.Names, c.When)
	}
	return b.String()
}

// FuzzFilter makes a query from two numbers, and compares the result of its SQL
// with an evaluation in memory.
func FuzzFilter(f *testing.F) {
	clock := store.Options{Now: func() time.Time { return time.UnixMicro(worldNow) }}
	s := storetest.Open(f, storetest.SQLite(f), clock)
	w := newWorld(f, s, 1)
	for n := range uint64(20) {
		f.Add(n, n*n)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		typ := pick(r, []string{"card", "customer", "group", "account"})
		q, env := newGenerator(r, w, typ).query(w, typ)
		checkQuery(t, s, w, q, env)
	})
}
