package rego

import (
	"fmt"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/predicate"
)

// mixed has rules that read both parts, one, none, and one under the keyword with.
const mixed = `package t

answer := [both, row_only, column_only, fixed, f(input.row), elsewhere, parts]

both := sprintf("%v%v", [row_only, input.column.n])

row_only := input.row

column_only := input.column.n if input.column.n > 1

column_only := 0 if not input.column.n > 1

fixed := input.user

f(x) := sprintf("%v%v", [x, input.user])

elsewhere := x if {
	x := row_only with input as {"row": sprintf("w%v", [input.column.n])}
}

parts contains n if some n in [input.row, input.user]
`

func gridOf(t *testing.T) (*Grid, *Query) {
	t.Helper()
	module := ast.MustParseModuleWithOpts(mixed, ParserOptions())
	compiler, findings := CompileModules(map[string]*ast.Module{"t.rego": module}, nil)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	q, err := NewQuery(ast.MustParseBodyWithOpts("data.t.answer = answer", ParserOptions()), compiler, DataStore(map[string]any{}))
	if err != nil {
		t.Fatal(err)
	}
	return NewGrid(q, NewRules(compiler), []predicate.Ref{{"row"}}, []predicate.Ref{{"column", "n"}}), q
}

// Shared values of rules change no result.
func TestAGridAnswersLikeSingleEvaluations(t *testing.T) {
	t.Parallel()
	grid, query := gridOf(t)
	var inputs [][]ast.Value
	for i := range 5 {
		var row []ast.Value
		for j := range 4 {
			row = append(row, ast.MustInterfaceToValue(map[string]any{
				"row": fmt.Sprint("r", i), "column": map[string]any{"n": j}, "user": "u"}))
		}
		inputs = append(inputs, row)
	}
	answered := 0
	err := grid.Run(t.Context(), inputs, time.Minute, func(i, j int, got topdown.QueryResultSet) error {
		want, err := query.Run(t.Context(), inputs[i][j], time.Minute)
		if err != nil || len(want) != 1 || len(got) != 1 || !got[0]["answer"].Equal(want[0]["answer"]) {
			t.Errorf("row %d, column %d: %v, want %v, %v", i, j, got, want, err)
		}
		answered++
		return nil
	})
	if err != nil || answered != 20 {
		t.Errorf("%d answers, %v", answered, err)
	}
}

func TestAGridKnowsWhatARuleReads(t *testing.T) {
	t.Parallel()
	grid, _ := gridOf(t)
	for name, want := range map[string]int{
		"both": readsBoth, "row_only": readsRow, "column_only": readsColumn, "fixed": 0, "f": 0, "elsewhere": readsBoth, "parts": readsRow,
	} {
		ref := ast.MustParseRef("data.t." + name)
		if got := grid.rules.of(ref); got != want {
			t.Errorf("%s: reads %d, want %d", name, got, want)
		}
	}
	if got := grid.rules.of(ast.Ref{ast.NewTerm(ast.MustParseRef("data.t.f")), ast.StringTerm("x")}); got != 0 {
		t.Errorf("a call reads %d", got)
	}
	for _, ref := range []string{"data.t", "data.other.fixed"} {
		if got := grid.rules.of(ast.MustParseRef(ref)); got != readsBoth {
			t.Errorf("%s reads %d", ref, got)
		}
	}
}
