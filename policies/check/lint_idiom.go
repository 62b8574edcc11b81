package check

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// idiomRules find code that Rego has a better idiom for.
var idiomRules = []lintRule{
	{"boolean-assignment", "write \"name if condition\": it is then true or undefined", booleanAssignment},
	{"comprehension-term-assignment", "put the value itself in front of the |", termAssignment},
	{"directory-package-mismatch", "let the package follow the folder, or move the file", folders},
	{"in-wildcard-key", "write \"some x in xs\": the key is not used", wildcardKey},
	{"non-raw-regex-pattern", "write the pattern between backquotes", rawPattern},
	{"prefer-set-or-object-rule", "write \"name contains x if …\" instead of a comprehension", setRule},
	{"single-item-in", "compare with == instead", singleItem},
	{"use-in-operator", "write \"x in xs\"", inOperator},
	{"use-some-for-output-vars", "declare the variable with some", undeclaredOutput},
}

func booleanAssignment(f *file) {
	for rule := range f.rules() {
		if !bodyless(rule) || rule.Default || rule.Head.Value == nil || len(rule.Head.Ref()) > 1 {
			continue
		}
		if call, ok := rule.Head.Value.Value.(ast.Call); ok && comparisons[call[0].String()] {
			f.on(rule.Location, "%s is a condition, given as a value", nameOf(rule))
		}
	}
}

func termAssignment(f *file) {
	for rule := range f.rules() {
		check := func(loc *ast.Location, term *ast.Term, body ast.Body) {
			v, ok := term.Value.(ast.Var)
			last := body[len(body)-1]
			if ok && last.IsAssignment() && last.Operand(0).Equal(ast.NewTerm(v)) && !last.Negated {
				f.on(loc, "%s is assigned only to be the comprehension's value", v)
			}
		}
		ast.WalkTerms(rule, func(term *ast.Term) bool {
			switch x := term.Value.(type) {
			case *ast.ArrayComprehension:
				check(term.Location, x.Term, x.Body)
			case *ast.SetComprehension:
				check(term.Location, x.Term, x.Body)
			}
			return false
		})
	}
}

func folders(f *file) {
	path := strings.TrimSuffix(f.module.Package.Path.String(), "_test")
	dir := ""
	if i := strings.LastIndexByte(f.name, '/'); i >= 0 {
		dir = f.name[:i]
	}
	if want := "data." + strings.ReplaceAll(dir, "/", "."); dir == "" || path != want {
		f.on(f.module.Package.Location, "package %s does not follow its folder", strings.TrimPrefix(f.module.Package.Path.String(), "data."))
	}
}

func wildcardKey(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		decl, ok := x.Terms.(*ast.SomeDecl)
		if !ok {
			return
		}
		for _, symbol := range decl.Symbols {
			if call, ok := symbol.Value.(ast.Call); ok && len(call) == 4 {
				if v, ok := call[1].Value.(ast.Var); ok && wildcard(v) {
					f.on(x.Location, "the key of %s is not used", call[3])
				}
			}
		}
	})
}

// patterns maps a function to the index of its pattern argument.
var patterns = map[string]int{
	"regex.match": 0, "regex.is_valid": 0, "regex.split": 0, "regex.find_n": 0, "regex.replace": 1,
	"regex.find_all_string_submatch_n": 0, "regex.template_match": 0,
}

func rawPattern(f *file) {
	f.calls(func(_ *ast.Rule, _ *ast.Location, name string, args []*ast.Term) {
		i, ok := patterns[name]
		if !ok || i >= len(args) || args[i].Location == nil {
			return
		}
		if text := string(args[i].Location.Text); strings.HasPrefix(text, `"`) && strings.Contains(text, `\\`) {
			f.on(args[i].Location, "the pattern %s escapes its backslashes", text)
		}
	})
}

func setRule(f *file) {
	for rule := range f.rules() {
		if !bodyless(rule) || rule.Head.Value == nil || len(rule.Head.Args) > 0 {
			continue
		}
		set, ok := rule.Head.Value.Value.(*ast.SetComprehension)
		if ok && !(len(set.Body) == 1 && isSome(set.Body[0])) {
			f.on(rule.Location, "%s is a set, made by a comprehension", nameOf(rule))
		}
	}
}

func isSome(x *ast.Expr) bool {
	_, ok := x.Terms.(*ast.SomeDecl)
	return ok
}

func singleItem(f *file) {
	f.calls(func(_ *ast.Rule, loc *ast.Location, name string, args []*ast.Term) {
		if name != ast.Member.Name || len(args) < 2 {
			return
		}
		switch items := args[1].Value.(type) {
		case ast.Set:
			if items.Len() == 1 {
				f.on(loc, "%s holds one item", args[1])
			}
		case *ast.Array:
			if items.Len() == 1 {
				f.on(loc, "%s holds one item", args[1])
			}
		}
	})
}

func inOperator(f *file) {
	f.exprs(func(rule *ast.Rule, x *ast.Expr) {
		if name, args := called(x); (name == "equal" || name == "eq") && len(args) == 2 {
			for _, arg := range args {
				if ref, ok := arg.Value.(ast.Ref); ok && len(ref) > 1 {
					if v, ok := ref[len(ref)-1].Value.(ast.Var); ok && wildcard(v) {
						f.on(x.Location, "a comparison with each element of %s", ref[:len(ref)-1])
					}
				}
			}
		}
	})
}

func undeclaredOutput(f *file) {
	for rule := range f.rules() {
		known := f.names(rule)
		declared(rule, func(v ast.Var, _ *ast.Location) { known[v] = true })
		ast.WalkRefs(rule, func(ref ast.Ref) bool {
			for _, step := range ref[1:] {
				v, ok := step.Value.(ast.Var)
				if ok && !wildcard(v) && !known[v] {
					f.on(ref[0].Location, "%s iterates without being declared", v)
					known[v] = true
				}
			}
			return false
		})
	}
}
