package store_test

import (
	"reflect"
	"regexp"
	"testing"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// A change of any text by an older program clears the folded texts of its row.
func TestTriggersNameEveryFoldedColumn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		text := "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = $1"
		if s.Dialect() == "postgres" {
			text = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = $1"
		}
		for table, row := range map[string]any{
			"accounts": store.Account{}, "groups": store.Group{}, "users": store.User{}, "customers": store.Customer{}, "cards": store.Card{},
		} {
			var trigger string
			mustDo(storetest.SQL(t, s).QueryRow(text, table+"_folded").Scan(&trigger))
			for _, column := range schema.TextColumns(reflect.TypeOf(row)) {
				if named := regexp.MustCompile(`(?i)\b`+column+`\b`).FindAllString(trigger, -1); len(named) < 3 {
					t.Errorf("%s_folded does not name %s: %s", table, column, trigger)
				}
			}
		}
	})
}

func TestFoldedTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "Perez": "perez", "PÉREZ": "perez", "Pe\u0301rez": "perez", "Straße": "strasse", "ΣΊΣΥΦΟΣ": "σισυφοσ", "東京": "東京", "a%_\\b": "a%_\\b",
	} {
		if got := schema.Fold(text); got != want {
			t.Errorf("%q is folded to %q, want %q", text, got, want)
		}
	}
}

// Rows from before the column, and rows that an older program changes, are searched
// by the texts that they have.
func TestTextsOfOlderRowsAreFolded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var customers []string
		mustDo(s.Write(ctx, "", func(tx *store.Tx) error {
			master := must(tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Carrier"}))
			for range store.FoldSlice + 7 {
				customers = append(customers, must(tx.CreateCustomer(ctx, store.Customer{AccountID: master.ID, Name: "Pérez"})).ID)
			}
			return nil
		}))
		found := func(text string) int {
			all := predicate.Filter{Kind: predicate.All}
			return must(s.List(ctx, query.Query{
				Count: true,
				Type:  "customer", Filter: all, Views: []query.View{{Name: "full", When: all}},
				Columns: []query.Columns{{Names: []string{"id", "name"}, When: all}},
				Where:   []query.Condition{{Column: "name", Op: query.Contains, Value: text}},
			})).Total
		}
		if n := found("PEREZ"); n != len(customers) {
			t.Fatalf("%d of %d are found", n, len(customers))
		}
		db := storetest.SQL(t, s)
		must(db.Exec("UPDATE customers SET name = 'Müller' WHERE id = $1", customers[0]))
		if n := found("perez"); n != len(customers)-1 {
			t.Errorf("after a change by an older program, %d are found", n)
		}
		must(db.Exec("UPDATE customers SET folded = NULL"))
		must(db.Exec("DELETE FROM settings WHERE name = 'folded'"))
		if n := found("perez"); n != 0 {
			t.Errorf("without folded texts, %d are found", n)
		}
		mustDo(s.Migrate(ctx))
		if n, m := found("perez"), found("muller"); n != len(customers)-1 || m != 1 {
			t.Errorf("after the migration, %d and %d are found", n, m)
		}
	})
}
