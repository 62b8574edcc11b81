package query

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"resellerd/policies/predicate"
	"resellerd/store/fault"
)

func TestSQLIsWhatAListRuns(t *testing.T) {
	t.Parallel()
	always := predicate.Filter{Kind: predicate.All}
	query := func(where predicate.Expr) Query {
		return Query{
			Type: "customer", Env: renderRequest, Limit: 5, Filter: predicate.Of(where),
			Views: []View{{Name: "full", When: always}}, Columns: []Columns{{Names: []string{"name"}, When: always}},
		}
	}
	own := query(compare(predicate.Eq, col("account_id"), me))
	for database, mark := range map[string]string{"sqlite": "?1", "postgres": "$1"} {
		text, args, err := SQL(database, own)
		if err != nil || !strings.Contains(text, "t.account_id = "+mark) || !slices.Contains(args, any("acc_me")) {
			t.Errorf("%s: %q with %v: %v", database, text, args, err)
		}
	}
	if text, _, err := SQL("sqlite", query(predicate.False{})); text != "" || err != nil {
		t.Errorf("no row can pass, and it asks %q: %v", text, err)
	}
	for name, refused := range map[string]func() error{
		"a column that is none":       func() error { _, _, err := SQL("sqlite", query(compare(predicate.Eq, col("secret"), me))); return err },
		"a type that is not kept":     func() error { _, _, err := SQL("postgres", Query{Type: "carrier"}); return err },
		"a database that is not used": func() error { _, _, err := SQL("oracle", own); return err },
	} {
		if err := refused(); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
