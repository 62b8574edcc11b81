package server

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/rego"
)

func TestAFilterThatADatabaseCannotAskIsFound(t *testing.T) {
	t.Parallel()
	schema := Schema()
	schema["customer"].Columns["colour"] = input.Text // a column that exists in no table
	rules := `package reseller.main

default allow := false

allow if input.resource.status == "active"

allow if input.resource.colour == "blue"

decision := {"allow": allow, "reasons": [], "view": view, "columns": columns}

view := "full"

columns contains "id"
`
	tree := fstest.MapFS{"reseller/main/main.rego": {Data: []byte(rules)}}
	e, err := policies.Load(t.Context(), tree, policies.Options{Schema: schema, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	found := FiltersAsSQL(t.Context(), e)
	for _, dialect := range []string{"sqlite", "postgres"} {
		want := "the filter to read rows of type customer cannot be asked of " + dialect
		if !slices.ContainsFunc(found, func(f rego.Finding) bool {
			return f.Code == "sql" && strings.HasPrefix(f.Message, want) && strings.Contains(f.Message, "no column colour")
		}) {
			t.Errorf("want %q among %v", want, found)
		}
	}
}
