package predicate_test

import (
	"encoding/json"
	"testing"

	"resellerd/policies/predicate"
)

// values is an Env with fixed values. Other values are absent.
type values struct {
	at    map[string]any
	below []string
	holds map[int]bool
}

func (v values) Lookup(ref predicate.Ref) (any, bool) {
	x, ok := v.at[ref.String()]
	return x, ok
}

func (v values) Below(account string) bool {
	for _, x := range v.below {
		if x == account {
			return true
		}
	}
	return false
}

func (v values) Guard(id int) bool { return v.holds[id] }

func column(name string) predicate.Operand {
	return predicate.Operand{Ref: predicate.Ref{"resource", name}}
}

func constant(v any) predicate.Operand { return predicate.Operand{Const: v} }

func where(e predicate.Expr) predicate.Filter {
	return predicate.Filter{Kind: predicate.Where, Where: e}
}

func TestFilterKinds(t *testing.T) {
	env := values{}
	for name, c := range map[string]struct {
		filter predicate.Filter
		want   bool
		text   string
	}{
		"the zero value lets nothing pass":        {predicate.Filter{}, false, "none"},
		"a where without condition lets none":     {predicate.Filter{Kind: predicate.Where}, false, "none"},
		"all lets everything pass":                {predicate.Filter{Kind: predicate.All}, true, "all"},
		"an unknown kind lets nothing pass":       {predicate.Filter{Kind: 9}, false, "none"},
		"a true condition becomes all":            {predicate.Of(predicate.True{}), true, "all"},
		"a false condition becomes none":          {predicate.Of(predicate.False{}), false, "none"},
		"an empty conjunction holds":              {where(predicate.And{}), true, "true"},
		"an empty disjunction does not":           {where(predicate.Or{}), false, "false"},
		"a negation of nothing does not":          {where(predicate.Not{}), false, "not false"},
		"a comparison without relation does not":  {where(predicate.Compare{Left: constant("a"), Right: constant("a")}), false, `"a""a"`},
		"an operand without anything equals none": {where(predicate.Compare{Op: predicate.Eq}), false, "absent = absent"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.filter.Eval(env); got != c.want {
				t.Errorf("passes = %v, want %v", got, c.want)
			}
			if got := c.filter.String(); got != c.text {
				t.Errorf("text %s, want %s", got, c.text)
			}
		})
	}
}

func TestConditionsOverPresentAndAbsentValues(t *testing.T) {
	env := values{
		at: map[string]any{
			"resource.a": "x", "resource.same": "x", "resource.n": int64(3), "resource.yes": true, "resource.no": false,
			"resource.set": []string{"x", "y"}, "resource.list": []any{"x", 1.0}, "resource.nil": nil,
			"resource.json": json.Number("3.0"), "resource.float": 3.5, "resource.object": map[string]any{"k": []any{"v"}},
			"resource.twin": map[string]any{"k": []string{"v"}},
		},
		below: []string{"x"}, holds: map[int]bool{1: true},
	}
	compare := func(op predicate.Op, a, b predicate.Operand) predicate.Expr {
		return predicate.Compare{Op: op, Left: a, Right: b}
	}
	match := func(op predicate.MatchOp, a, b predicate.Operand) predicate.Expr {
		return predicate.Match{Op: op, Text: a, Part: b}
	}
	member := func(item, set predicate.Operand) predicate.Expr { return predicate.Member{Item: item, Set: set} }
	defined := func(name string) predicate.Expr { return predicate.Defined{Ref: predicate.Ref{"resource", name}} }
	below := predicate.Operand{Ref: predicate.Below}
	for _, c := range []struct {
		e    predicate.Expr
		want bool
	}{
		{compare(predicate.Eq, column("a"), column("same")), true},
		{compare(predicate.Eq, column("a"), column("gone")), false},
		{compare(predicate.Eq, column("gone"), column("gone")), false},
		{compare(predicate.Ne, column("a"), constant("y")), true},
		{compare(predicate.Ne, column("gone"), constant("y")), false},
		{compare(predicate.Ne, column("nil"), constant("y")), false},
		{compare(predicate.Eq, column("n"), constant("3")), false},
		{compare(predicate.Ne, column("n"), constant("3")), true},
		{compare(predicate.Eq, column("n"), column("json")), true},
		{compare(predicate.Lt, column("n"), column("float")), true},
		{compare(predicate.Gt, column("n"), column("float")), false},
		{compare(predicate.Ge, column("n"), constant(int64(3))), true},
		{compare(predicate.Le, column("n"), constant(int64(2))), false},
		{compare(predicate.Lt, column("n"), constant("4")), false},
		{compare(predicate.Lt, column("no"), column("yes")), false},
		{compare(predicate.Lt, constant("Z"), column("a")), true},
		{compare(predicate.Eq, column("object"), column("twin")), true},
		{compare(predicate.Eq, column("yes"), constant(true)), true},
		{defined("a"), true},
		{defined("no"), false},
		{defined("gone"), false},
		{defined("nil"), false},
		{defined("object"), true},
		{member(column("a"), column("set")), true},
		{member(column("n"), column("set")), false},
		{member(constant(int64(1)), column("list")), true},
		{member(column("a"), column("gone")), false},
		{member(column("a"), column("same")), false},
		{member(column("gone"), predicate.Operand{List: []any{"x"}}), false},
		{member(column("a"), predicate.Operand{List: []any{"y", "x"}}), true},
		{member(column("a"), below), true},
		{member(column("n"), below), false},
		{member(column("gone"), below), false},
		{match(predicate.StartsWith, column("a"), constant("")), true},
		{match(predicate.StartsWith, column("gone"), constant("")), false},
		{match(predicate.EndsWith, column("a"), column("gone")), false},
		{match(predicate.Contains, constant("axb"), column("a")), true},
		{match(predicate.Contains, column("n"), constant("3")), false},
		{match(0, column("a"), constant("x")), false},
		{predicate.Guard{ID: 1}, true},
		{predicate.Guard{ID: 2}, false},
		{predicate.And{defined("a"), defined("n")}, true},
		{predicate.And{defined("a"), defined("gone")}, false},
		{predicate.Or{defined("gone"), defined("n")}, true},
		{predicate.Not{X: defined("gone")}, true},
	} {
		t.Run(predicate.Text(c.e), func(t *testing.T) {
			if got := where(c.e).Eval(env); got != c.want {
				t.Errorf("holds = %v, want %v", got, c.want)
			}
			if got := where(predicate.Not{X: c.e}).Eval(env); got == c.want {
				t.Errorf("its negation holds = %v as well", got)
			}
			if got := where(predicate.Simplify(c.e)).Eval(env); got != c.want {
				t.Errorf("simplified to %s it holds = %v", predicate.Text(predicate.Simplify(c.e)), got)
			}
		})
	}
}

func TestSimplify(t *testing.T) {
	a := predicate.Compare{Op: predicate.Eq, Left: column("a"), Right: constant("x")}
	b := predicate.Compare{Op: predicate.Eq, Left: column("a"), Right: constant("y")}
	c := predicate.Defined{Ref: predicate.Ref{"resource", "c"}}
	among := predicate.Member{Item: column("a"), Set: predicate.Operand{List: []any{"y", "z"}}}
	for _, x := range []struct {
		e    predicate.Expr
		want string
	}{
		{predicate.And{a, predicate.True{}, predicate.And{c, a}}, `(resource.a = "x" and defined resource.c)`},
		{predicate.And{a, predicate.False{}}, `false`},
		{predicate.Or{a, predicate.Or{predicate.False{}, c}}, `(resource.a = "x" or defined resource.c)`},
		{predicate.Or{c, predicate.True{}}, `true`},
		{predicate.Or{a, c, b}, `(resource.a in ["x", "y"] or defined resource.c)`},
		{predicate.Or{a, b, among}, `resource.a in ["x", "y", "z"]`},
		{predicate.And{a, b}, `false`},
		{predicate.And{among, b}, `resource.a = "y"`},
		{predicate.And{a, predicate.Not{X: a}}, `false`},
		{predicate.Or{predicate.Not{X: c}, c}, `true`},
		{predicate.Or{predicate.And{a, c}, c}, `defined resource.c`},
		{predicate.And{a, predicate.Defined{Ref: predicate.Ref{"resource", "a"}}}, `resource.a = "x"`},
		{predicate.Not{X: predicate.Not{X: c}}, `defined resource.c`},
		{predicate.Compare{Op: predicate.Lt, Left: constant(int64(1)), Right: column("n")}, `resource.n > 1`},
		{predicate.Compare{Op: predicate.Ne, Left: constant(int64(1)), Right: constant("1")}, `true`},
		{predicate.Member{Item: column("a"), Set: predicate.Operand{List: []any{}}}, `false`},
		{predicate.Match{Op: predicate.EndsWith, Text: constant("ab"), Part: constant("b")}, `true`},
		{nil, `false`},
	} {
		if got := predicate.Text(predicate.Simplify(x.e)); got != x.want {
			t.Errorf("%s simplified to %s, want %s", predicate.Text(x.e), got, x.want)
		}
	}
}

func TestRefText(t *testing.T) {
	for want, ref := range map[string]predicate.Ref{
		"resource.account_id":            {"resource", "account_id"},
		`resource.properties["a b"].c`:   {"resource", "properties", "a b", "c"},
		`context["x.y"]`:                 {"context", "x.y"},
		`subject.properties[""]["0"].z9`: {"subject", "properties", "", "0", "z9"},
	} {
		if got := ref.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestColumn(t *testing.T) {
	for _, c := range []struct {
		ref  predicate.Ref
		want string
	}{
		{predicate.Ref{"resource", "account_id"}, "account_id"}, {predicate.Ref{"resource", "properties"}, ""},
		{predicate.Ref{"resource", "type"}, ""}, {predicate.Ref{"subject", "id"}, ""},
		{predicate.Ref{"resource", "properties", "x"}, ""}, {nil, ""},
	} {
		got, ok := c.ref.Column()
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%v is column %q, %v", c.ref, got, ok)
		}
	}
}

func TestAFilterCovers(t *testing.T) {
	at := func(path ...string) predicate.Operand { return predicate.Operand{Ref: path} }
	mine := predicate.Compare{Op: predicate.Eq, Left: at("resource", "account_id"), Right: at("subject", "account", "id")}
	named := predicate.Not{X: predicate.Compare{Op: predicate.Eq, Left: at("resource", "name"), Right: predicate.Operand{Const: "secret"}}}
	for name, c := range map[string]struct {
		filter predicate.Filter
		rows   predicate.Expr
		want   bool
	}{
		"everything":                 {predicate.Filter{Kind: predicate.All}, mine, true},
		"nothing":                    {predicate.Filter{}, mine, false},
		"no condition":               {predicate.Filter{Kind: predicate.Where}, mine, false},
		"the same":                   {predicate.Of(mine), mine, true},
		"more":                       {predicate.Of(predicate.Or{mine, named}), mine, true},
		"less, by a column of a row": {predicate.Of(predicate.And{mine, named}), mine, false},
		"no rows":                    {predicate.Of(predicate.And{mine, named}), predicate.False{}, true},
		"any rows":                   {predicate.Of(mine), predicate.True{}, false},
	} {
		if got := c.filter.Covers(c.rows); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
