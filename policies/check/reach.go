package check

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

// types type-checks the tree against the schema of the input.
func (p *parsed) types() []rego.Finding {
	schema, err := readSchema("input/schema.json")
	if err != nil {
		return []rego.Finding{{Code: "types", Message: err.Error()}}
	}
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, schema)
	compiler := ast.NewCompiler().WithSchemas(schemas).WithDefaultRegoVersion(ast.RegoV1)
	if compiler.Compile(p.modules); !compiler.Failed() {
		return nil
	}
	var found []rego.Finding
	for _, e := range compiler.Errors {
		if e.Code != ast.TypeErr {
			continue // reported when the tree was loaded
		}
		f := rego.Finding{Code: "types", Message: strings.TrimSpace(e.Message)}
		if e.Details != nil {
			f.Message += ": " + strings.Join(strings.Fields(strings.Join(e.Details.Lines(), " ")), " ")
		}
		if e.Location != nil {
			f.File, f.Line = e.Location.File, e.Location.Row
		}
		found = append(found, f)
	}
	return found
}

// roots are the documents that resellerd asks a tree for.
var roots = []string{
	"data.reseller.main.decision", "data.reseller.main.allow", "data.reseller.main.reasons",
	"data.reseller.main.view", "data.reseller.main.columns", "data.system.log.mask",
}

// unreachable finds rules that no root and no entrypoint depends on, and
// rules of test files that no test depends on.
func (p *parsed) unreachable() []rego.Finding {
	compiler := ast.NewCompiler().WithDefaultRegoVersion(ast.RegoV1)
	if compiler.Compile(p.modules); compiler.Failed() {
		return nil // reported elsewhere
	}
	if len(compiler.GetRulesExact(ast.MustParseRef(roots[0]))) == 0 && len(compiler.GetRulesDynamicWithOpts(ast.MustParseRef(roots[0]), ast.RulesOptions{})) == 0 {
		return nil // without the entrypoint, nothing could be reached
	}
	asked, tested := reach{compiler, map[place]bool{}}, reach{compiler, map[place]bool{}}
	for _, root := range roots {
		asked.from(compiler.GetRulesDynamicWithOpts(ast.MustParseRef(root), ast.RulesOptions{})...)
	}
	for _, module := range compiler.Modules {
		for _, rule := range module.Rules {
			if isTest(rule) {
				tested.from(rule)
			}
		}
		for _, a := range module.Annotations {
			if a.Entrypoint && a.Scope != "package" {
				asked.from(compiler.GetRulesDynamicWithOpts(a.GetTargetPath(), ast.RulesOptions{})...)
			}
		}
	}
	var found []rego.Finding
	for _, f := range p.files {
		f.code = "unreachable"
		for _, rule := range f.module.Rules {
			at := placeOf(rule)
			switch {
			case asked.seen[at] || f.test() && tested.seen[at] || strings.HasPrefix(nameOf(rule), "todo_test_"):
			case f.test():
				f.on(rule.Location, "no test uses %s", nameOf(rule))
			case tested.seen[at]:
				f.on(rule.Location, "only tests use %s: no decision leads to it", f.pathOf(rule))
			default:
				f.on(rule.Location, "nothing uses %s", f.pathOf(rule))
			}
		}
		found, f.found = append(found, f.found...), nil
	}
	return found
}

// place identifies a rule by its position, because the compiler rewrites
// rules.
type place struct {
	file     string
	row, col int
}

func placeOf(rule *ast.Rule) place {
	return place{rule.Location.File, rule.Location.Row, rule.Location.Col}
}

// reach collects the rules that given rules depend on.
type reach struct {
	compiler *ast.Compiler
	seen     map[place]bool
}

func (r reach) from(rules ...*ast.Rule) {
	for _, rule := range rules {
		if at := placeOf(rule); !r.seen[at] {
			r.seen[at] = true
			for next := range r.compiler.Graph.Dependencies(rule) {
				if next, ok := next.(*ast.Rule); ok {
					r.from(next)
				}
			}
		}
	}
}
