package policies

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

var (
	mainRef     = ast.MustParseRef("data.reseller.main")
	decisionRef = ast.MustParseRef("data.reseller.main.decision")
	allowRef    = ast.MustParseRef("data.reseller.main.allow")
)

// standing describes how a part of the decision relates to the rule of its
// name.
type standing uint8

const (
	partAbsent standing = iota // the decision never has this key
	partEmpty                  // always empty
	partRule                   // the rule's own value
	partDenied                 // the rule's own value on denials, otherwise empty
	partOther                  // anything else: only a full evaluation gives the value
)

// parts holds the standing of every part except allow, which must be the rule's
// own value.
type parts struct{ reasons, view, columns standing }

// partRefOf returns the path of a part's rule.
func partRefOf(name string) ast.Ref { return mainRef.Append(ast.InternedTerm(name)) }

// readParts finds out how the entrypoint builds a decision. It reads the
// modules as written, before the compiler rewrites them.
func readParts(modules map[string]*ast.Module, rules *rego.Rules) (parts, []rego.Finding) {
	p := parts{}
	if len(rules.At(decisionRef)) == 0 && len(rules.Lookup(decisionRef)) == 0 {
		return p, []rego.Finding{{Code: "entrypoint", Message: "data.reseller.main.decision is not defined"}}
	}
	if len(rules.At(allowRef)) == 0 {
		return p, []rego.Finding{{Code: "entrypoint", Message: "data.reseller.main.allow is not defined"}}
	}
	reader := &partReader{given: map[string][]given{}}
	for _, module := range modules {
		if !module.Package.Path.Equal(mainRef) {
			continue
		}
		for _, rule := range module.Rules {
			reader.rule(rule)
		}
	}
	if len(reader.given["allow"]) == 0 && len(reader.findings) == 0 {
		reader.findings = []rego.Finding{{Code: "entrypoint", Message: "data.reseller.main.decision names no allow"}}
	}
	p.reasons, p.view, p.columns = reader.always("reasons"), reader.allowed("view"), reader.allowed("columns")
	return p, reader.findings
}

// showsNoRows reports whether the entrypoint's METADATA says so: custom: {rows: none}.
func showsNoRows(modules map[string]*ast.Module) bool {
	for _, module := range modules {
		if !module.Package.Path.Equal(mainRef) {
			continue
		}
		for _, a := range module.Annotations {
			if a.Custom["rows"] == "none" && (a.Scope == "package" || a.GetTargetPath().Equal(decisionRef)) {
				return true
			}
		}
	}
	return false
}

// ignored finds a view or columns of the decision that lists would not show. Lists are made
// from the rules of these names.
func (p parts) ignored(rules *rego.Rules) []rego.Finding {
	var findings []rego.Finding
	for name, part := range map[string]standing{"view": p.view, "columns": p.columns} {
		if part == partOther && len(rules.At(partRefOf(name))) == 0 {
			findings = append(findings, rego.FindingAt(rules.Lookup(decisionRef)[0].Loc(), "entrypoint",
				"decision: "+name+" is no rule data.reseller.main."+name+", so lists could not show rows in this way"))
		}
	}
	return findings
}

// condition is the condition on which a definition of the decision holds.
type condition uint8

const (
	onAnything condition = iota + 1
	onAllow
	onDenial
	onOther
)

// given is one definition that gives a key of the decision its value.
type given struct {
	value standing
	on    condition
}

type partReader struct {
	given    map[string][]given
	findings []rego.Finding
}

// always returns the standing of a key that every decision has.
func (r *partReader) always(key string) standing {
	places := r.given[key]
	switch {
	case len(places) == 0:
		return partAbsent
	case len(places) == 1 && places[0].on == onAnything:
		return places[0].value
	case len(places) == 2 && slices.Contains(places, given{partRule, onDenial}) && slices.Contains(places, given{partEmpty, onAllow}):
		return partDenied
	default:
		return partOther
	}
}

// allowed returns the standing of a key that matters only if the decision
// allows.
func (r *partReader) allowed(key string) standing {
	places := r.given[key]
	switch {
	case len(places) == 0:
		return partAbsent
	case len(places) == 1 && (places[0].on == onAnything || places[0].on == onAllow):
		return places[0].value
	default:
		return partOther
	}
}

// rule reads one definition of the decision: an object literal or a single key.
func (r *partReader) rule(rule *ast.Rule) {
	ref := rule.Head.Ref()
	if len(ref) == 0 || ref[0].Value.Compare(ast.Var("decision")) != 0 {
		return
	}
	if len(ref) == 2 {
		if key, ok := ref[1].Value.(ast.String); ok {
			r.part(string(key), rule.Head.Value, rule.Loc(), conditionOf(rule))
			return
		}
	}
	on := conditionOf(rule)
	object, ok := rule.Head.Value.Value.(ast.Object)
	if ok {
		r.object(object, rule, on)
		return
	}
	ast.WalkTerms(rule, func(term *ast.Term) bool {
		if object, ok := term.Value.(ast.Object); ok {
			r.object(object, rule, onOther)
		}
		return false
	})
}

func (r *partReader) object(object ast.Object, rule *ast.Rule, on condition) {
	object.Foreach(func(key, value *ast.Term) {
		if name, ok := key.Value.(ast.String); ok {
			r.part(string(name), value, rule.Loc(), on)
		}
	})
}

// part records one definition that gives a key its value.
func (r *partReader) part(name string, value *ast.Term, loc *ast.Location, on condition) {
	kind := standingOf(name, value)
	if name == "allow" && kind != partRule {
		r.findings = append(r.findings, rego.FindingAt(loc, "entrypoint",
			fmt.Sprintf("decision: allow is %s instead of data.reseller.main.allow", value)))
	}
	r.given[name] = append(r.given[name], given{kind, on})
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

// conditionOf classifies the condition of a definition: none, allow, not allow,
// or anything else.
func conditionOf(rule *ast.Rule) condition {
	if rule.Default || rule.Else != nil || len(rule.Body) != 1 || len(rule.Body[0].With) > 0 {
		return onOther
	}
	term, ok := rule.Body[0].Terms.(*ast.Term)
	switch {
	case !ok:
		return onOther
	case ast.Boolean(true).Equal(term.Value) && !rule.Body[0].Negated:
		return onAnything
	case standingOf("allow", term) != partRule:
		return onOther
	case rule.Body[0].Negated:
		return onDenial
	default:
		return onAllow
	}
}
