package policies

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

var (
	mainRef     = ast.MustParseRef("data.reseller.main")
	decisionRef = ast.MustParseRef("data.reseller.main.decision")
	allowRef    = ast.MustParseRef("data.reseller.main.allow")
)

// standing tells how a part of the decision relates to the rule of its name.
type standing uint8

const (
	partAbsent standing = iota // no such key: never part of a decision
	partEmpty                  // always empty
	partRule                   // the rule's own value
	partOther                  // anything else: only a full evaluation tells
)

// parts tells it for every part but allow, which must be the rule's value.
type parts struct{ reasons, view, columns standing }

// partRefOf returns the path of a part's rule.
func partRefOf(name string) ast.Ref { return mainRef.Append(ast.InternedTerm(name)) }

// readParts finds out how the entrypoint is made. It reads the modules as
// written, before the compiler rewrites them.
func readParts(modules map[string]*ast.Module, rules *ruleSet) (parts, []Finding) {
	p := parts{}
	if len(rules.at(decisionRef)) == 0 && len(rules.lookup(decisionRef)) == 0 {
		return p, []Finding{{Code: "entrypoint", Message: "data.reseller.main.decision is not defined"}}
	}
	if len(rules.at(allowRef)) == 0 {
		return p, []Finding{{Code: "entrypoint", Message: "data.reseller.main.allow is not defined"}}
	}
	reader := &partReader{found: map[string]standing{}}
	for _, module := range modules {
		if !module.Package.Path.Equal(mainRef) {
			continue
		}
		for _, rule := range module.Rules {
			reader.rule(rule)
		}
	}
	if _, ok := reader.found["allow"]; !ok && len(reader.findings) == 0 {
		reader.findings = []Finding{{Code: "entrypoint", Message: "data.reseller.main.decision names no allow"}}
	}
	p.reasons, p.view, p.columns = reader.found["reasons"], reader.found["view"], reader.found["columns"]
	return p, reader.findings
}

type partReader struct {
	found    map[string]standing
	findings []Finding
}

// rule reads one definition of the decision: an object written out, or one key.
func (r *partReader) rule(rule *ast.Rule) {
	ref := rule.Head.Ref()
	if len(ref) == 0 || ref[0].Value.Compare(ast.Var("decision")) != 0 {
		return
	}
	if len(ref) == 2 {
		if key, ok := ref[1].Value.(ast.String); ok {
			r.part(string(key), rule.Head.Value, rule.Loc(), unconditional(rule))
			return
		}
	}
	plain := unconditional(rule) && rule.Else == nil
	object, ok := rule.Head.Value.Value.(ast.Object)
	if ok {
		r.object(object, rule, plain)
		return
	}
	ast.WalkTerms(rule, func(term *ast.Term) bool {
		if object, ok := term.Value.(ast.Object); ok {
			r.object(object, rule, false)
		}
		return false
	})
}

func (r *partReader) object(object ast.Object, rule *ast.Rule, plain bool) {
	object.Foreach(func(key, value *ast.Term) {
		if name, ok := key.Value.(ast.String); ok {
			r.part(string(name), value, rule.Loc(), plain)
		}
	})
}

// part notes one place that gives a key its value. A key given in two places,
// or under a condition other than allow, is told by full evaluations only.
func (r *partReader) part(name string, value *ast.Term, loc *ast.Location, plain bool) {
	kind := standingOf(name, value)
	if name == "allow" && kind != partRule {
		r.findings = append(r.findings, at(loc, "entrypoint",
			fmt.Sprintf("decision: allow is %s instead of data.reseller.main.allow", value)))
	}
	if _, twice := r.found[name]; twice || !plain {
		kind = partOther
	}
	r.found[name] = kind
}

func standingOf(name string, value *ast.Term) standing {
	switch v := value.Value.(type) {
	case ast.Var:
		if string(v) == name {
			return partRule
		}
	case ast.Ref:
		if v.Equal(partRefOf(name)) {
			return partRule
		}
	case *ast.Array:
		if v.Len() == 0 {
			return partEmpty
		}
	case ast.Set:
		if v.Len() == 0 {
			return partEmpty
		}
	case ast.Call:
		if v.String() == "set()" {
			return partEmpty
		}
	}
	return partOther
}

// unconditional tells whether a rule's body asks for nothing, or for allow
// alone: view and columns are shown on what is allowed anyway.
func unconditional(rule *ast.Rule) bool {
	if rule.Default || len(rule.Body) != 1 || rule.Body[0].Negated || len(rule.Body[0].With) > 0 {
		return false
	}
	term, ok := rule.Body[0].Terms.(*ast.Term)
	if !ok {
		return false
	}
	if ast.Boolean(true).Equal(term.Value) {
		return true
	}
	key := rule.Head.Ref()
	shown := len(key) == 2 && (isText(key[1], "view") || isText(key[1], "columns"))
	return shown && standingOf("allow", term) == partRule
}
