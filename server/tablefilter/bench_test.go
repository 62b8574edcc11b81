package tablefilter_test

import (
	"testing"

	"resellerd/policies/predicate"
	"resellerd/server/tablefilter"
)

// BenchmarkBind binds a template that has its SQL already to the values of a request.
func BenchmarkBind(b *testing.B) {
	table := tablefilter.Table{Dialect: tablefilter.Postgres, Placeholders: tablefilter.Dollar, First: 1,
		Columns: map[string]tablefilter.Column{"account_id": {Name: "account", Type: tablefilter.Text}}}
	t, err := tablefilter.New(predicate.Of(owned), nil, table)
	if err != nil {
		b.Fatal(err)
	}
	env, accounts := account{id: "acc_1", tenant: "acc_0"}, named{{ID: "acc_1"}}
	for b.Loop() {
		f, err := t.Bind(env, accounts)
		if err != nil || f.Kind != predicate.Where || len(f.Args) == 0 {
			b.Fatal(f, err)
		}
	}
}
