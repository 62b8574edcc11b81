package demo

import (
	"testing"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

func TestTheCarrierIsBelievableAndTheSameEveryTime(t *testing.T) {
	first, second := picture(t), picture(t)
	for typ, want := range map[string]int{"account": 4, "user": 8, "customer": 41, "card": 12} {
		if got := len(first[typ]); got != want {
			t.Errorf("%d rows of %s, want %d", got, typ, want)
		}
	}
	for typ, rows := range first {
		for i, row := range rows {
			if other := second[typ][i]; row != other {
				t.Fatalf("%s differs from one demo to the next:\n%s\n%s", typ, row, other)
			}
		}
	}
}

// picture lists every row of the demo as JSON.
func picture(t *testing.T) map[string][]string {
	t.Helper()
	st, w, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	all := map[string][]string{}
	for _, typ := range schema.Types() {
		if typ.Parent {
			continue
		}
		all[typ.Name] = rows(t, st, query.Query{Type: typ.Name})
	}
	all["rate"] = rows(t, st, query.Query{Type: "rate", Parent: w.Card})
	if len(all["rate"]) < 500 {
		t.Errorf("%d rates on the card, want several hundred", len(all["rate"]))
	}
	return all
}

func rows(t *testing.T, st *store.Store, q query.Query) (all []string) {
	t.Helper()
	everything := predicate.Filter{Kind: predicate.All}
	var names []string
	for _, typ := range schema.Types() {
		if typ.Name != q.Type && (q.Type != "rate" || typ.Name != "card") {
			continue
		}
		for _, c := range typ.Columns {
			names = append(names, c.Name)
		}
	}
	q.Filter, q.Limit = everything, query.MaxLimit
	q.Views = []query.View{{Name: "full", When: everything}}
	q.Columns = []query.Columns{{Names: names, When: everything}}
	page, err := st.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		all = append(all, string(row.AppendJSON(nil)))
	}
	return all
}

func TestEveryPrefixOfADeckIsValidAndThereOnce(t *testing.T) {
	for name, read := range map[string]func() (deck, error){"the world": world, "america": america} {
		d, err := read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seen := map[string]bool{}
		for _, r := range d {
			if err := r.Validate(); err != nil {
				t.Errorf("%s: %s: %v", name, r.Prefix, err)
			}
			if seen[r.Prefix] {
				t.Errorf("%s: %s twice", name, r.Prefix)
			}
			seen[r.Prefix] = true
		}
		if len(d) < 1000 {
			t.Errorf("%s: %d rates, want more than 1000", name, len(d))
		}
	}
}
