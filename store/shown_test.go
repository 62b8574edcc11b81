package store_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// TestOrderAndSelectionAreByWhatIsShown sorts and filters lists by random columns,
// and does the same in memory with the rows that the plain list shows.
func TestOrderAndSelectionAreByWhatIsShown(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	clock := store.Options{Now: func() time.Time { return time.UnixMicro(worldNow) }}
	storetest.EachWith(t, clock, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, 3)
		told, lists := 0, depth.Runs(200)
		for i := range lists {
			r := rand.New(rand.NewPCG(4, uint64(i)))
			typ := []string{"card", "customer", "group"}[i%3]
			g := newGenerator(r, w, typ)
			q, _ := g.query(w, typ)
			if r.IntN(2) == 0 {
				q.Filter = predicate.Filter{Kind: predicate.All}
			}
			if told += checkShown(t, s, g, q); t.Failed() {
				t.Fatalf("query %d: %s", i, describe(q))
			}
		}
		if told < lists/20 {
			t.Errorf("only %d lists told rows apart", told)
		}
	})
}

func checkShown(t *testing.T, s *store.Store, g *generator, q query.Query) int {
	t.Helper()
	base, _ := readAll(t, s, q)
	sorting := pick(g.r, []string{"name", "created_at", "public_name", "kind", "currency", "carrier", "id"})
	q.Sort, q.Desc = sorting, g.r.IntN(2) == 0
	if g.r.IntN(2) == 0 {
		q.Where = []query.Condition{condition(g, base)}
	}
	if _, err := s.List(context.Background(), q); err != nil {
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", describe(q), err)
		}
		return 0 // no row can show the column
	}
	rows, total := readAll(t, s, q)
	want := slices.DeleteFunc(slices.Clone(base), func(row query.Row) bool {
		return slices.ContainsFunc(q.Where, func(c query.Condition) bool { return !holds(q.Type, c, row) })
	})
	slices.SortStableFunc(want, func(a, b query.Row) int { return order(a, b, sorting, q.Desc) })
	if got, want := idsOf(rows), idsOf(want); !slices.Equal(got, want) || total != len(want) {
		t.Errorf("%s:\n got %v\nwant %v\ntotal %d", describe(q), got, want, total)
	}
	if got, want := idsOf(readBack(t, s, q)), idsOf(want); !slices.Equal(got, want) {
		t.Errorf("%s: backwards:\n got %v\nwant %v", describe(q), got, want)
	}
	var exported []string
	err := s.Stream(context.Background(), q, func(row query.Row) error {
		exported = append(exported, strings.Clone(row.ID()))
		return nil
	})
	if want := idsOf(want); err != nil || !slices.Equal(exported, want) {
		t.Errorf("%s: exported:\n got %v %v\nwant %v", describe(q), exported, err, want)
	}
	for _, row := range base { // a single row passes the same conditions
		one := q
		one.ID, one.Limit = row.ID(), 1
		if page, err := s.List(context.Background(), one); err != nil || (len(page.Rows) == 1) != slices.Contains(idsOf(want), row.ID()) {
			t.Errorf("%s: %s alone: %d rows, %v", describe(q), row.ID(), len(page.Rows), err)
		}
	}
	if len(want) > 0 && len(want) < len(base) {
		return 1
	}
	return 0
}

// readBack reads all pages and goes back from the last one. It returns the rows in
// their order.
func readBack(t *testing.T, s *store.Store, q query.Query) (all []query.Row) {
	t.Helper()
	list := func() query.Page {
		page, err := s.List(context.Background(), q)
		if err != nil {
			t.Fatalf("%s: %v", describe(q), err)
		}
		return page
	}
	page := list()
	if page.Prev != nil {
		t.Fatalf("%s: the first page has a page before it", describe(q))
	}
	for page.Next != nil {
		q.After = page.Next
		page = list()
	}
	for {
		all = append(slices.Clone(page.Rows), all...)
		if page.Prev == nil {
			return all
		}
		q.After = page.Prev
		page = list()
	}
}

func idsOf(rows []query.Row) (ids []string) {
	for _, r := range rows {
		ids = append(ids, r.ID())
	}
	return ids
}

// condition compares a column with a value that some row shows, or with a random
// value.
func condition(g *generator, rows []query.Row) query.Condition {
	c := query.Condition{
		Column: pick(g.r, []string{"name", "public_name", "kind", "status", "carrier", "created_at", "currency"}),
		Op:     pick(g.r, []query.Op{query.Eq, query.Ne, query.Lt, query.Le, query.Gt, query.Ge, query.Contains, query.Prefix, query.Suffix, query.Null, query.NotNull}),
		Value:  pick(g.r, hostile),
	}
	if names := comparable(rows); len(names) > 0 {
		c.Column = pick(g.r, names)
	}
	if len(rows) > 0 && g.r.IntN(4) > 0 {
		text, _ := pick(g.r, rows).Text(nil, c.Column)
		c.Value = string(text)
	}
	if c.Column == "created_at" {
		c.Value = time.UnixMicro(g.r.Int64N(5)).UTC().Format(time.RFC3339Nano)
	}
	for c.Column != "created_at" && (c.Op == query.Eq || c.Op == query.Ne) && g.r.IntN(2) == 0 {
		c.Or = append(c.Or, pick(g.r, hostile))
	}
	return c
}

// comparable lists the columns of the rows that a condition can use.
func comparable(rows []query.Row) (names []string) {
	known := []string{"name", "public_name", "kind", "status", "carrier", "created_at", "currency"}
	for _, row := range rows {
		for _, name := range row.Names() {
			if slices.Contains(known, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func holds(typ string, c query.Condition, row query.Row) bool {
	v, shown := row.Value(c.Column)
	if !shown {
		return false
	}
	if v == nil {
		return c.Op == query.Ne || c.Op == query.Null
	}
	text, ok := v.(string)
	value := c.Value
	if !ok { // a time; its texts are comparable
		at, _ := time.Parse(time.RFC3339Nano, c.Value)
		text, value = strconv.FormatInt(v.(int64), 10), strconv.FormatInt(at.UnixMicro(), 10)
	}
	switch c.Op {
	case query.Null:
		return false
	case query.Contains:
		fold := schema.Lower
		if schema.ByName[typ].Column(c.Column).FoldsIn(row.View) {
			fold = schema.Fold
		}
		return strings.Contains(fold(text), fold(value))
	case query.Eq, query.Ne:
		same := slices.ContainsFunc(append([]string{value}, c.Or...), func(one string) bool { return one == text })
		return same == (c.Op == query.Eq)
	case query.NotNull:
		return true
	case query.Prefix:
		return strings.HasPrefix(text, value)
	case query.Suffix:
		return strings.HasSuffix(text, value)
	}
	n := strings.Compare(text, value)
	return map[query.Op]bool{
		query.Lt: n < 0, query.Le: n <= 0, query.Gt: n > 0, query.Ge: n >= 0,
	}[c.Op]
}

func order(a, b query.Row, column string, desc bool) int {
	x, _ := a.Value(column)
	y, _ := b.Value(column)
	way := 1
	if desc {
		way = -1
	}
	if x == nil || y == nil {
		if x == nil && y == nil {
			return way * strings.Compare(a.ID(), b.ID())
		}
		if x == nil {
			return 1
		}
		return -1
	}
	return way * cmp.Or(compareValues(x, y), strings.Compare(a.ID(), b.ID()))
}

func compareValues(x, y any) int {
	if text, ok := x.(string); ok {
		return strings.Compare(text, y.(string))
	}
	return cmp.Compare(x.(int64), y.(int64))
}
