package check

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"go.yaml.in/yaml/v3"

	"resellerd/policies/rego"
)

// annotations finds packages and rules without a description, and reasons
// without a unique code.
func (p *parsed) annotations() []rego.Finding {
	set, errs := ast.BuildAnnotationSet(slices.Collect(maps.Values(p.modules)))
	var found []rego.Finding
	for _, e := range errs {
		found = append(found, rego.Finding{Code: "metadata", File: e.Location.File, Line: e.Location.Row, Message: e.Message})
	}
	if len(errs) > 0 {
		return found
	}
	exposed, titled := p.exposed(), p.titled()
	codes := map[string]*ast.Location{}
	for _, f := range p.files {
		f.metadataKeys()
		if f.test() {
			continue
		}
		f.code = "package-metadata"
		if a := set.GetPackageScope(f.module.Package); a == nil || a.Title == "" || a.Description == "" {
			f.on(f.module.Package.Location, "%s has no title and description", f.module.Package)
		}
		for _, rule := range f.module.Rules {
			f.code = "rule-metadata"
			if path := f.pathOf(rule); exposed[path] && !titled[path] {
				f.on(rule.Location, "%s is used by other packages and has no title", path)
				titled[path] = true // report each rule once
			}
			f.reason(set, rule, codes)
		}
	}
	for _, f := range p.files {
		found, f.found = append(found, f.found...), nil
	}
	return found
}

// exposed returns the rules that are used outside their package.
func (p *parsed) exposed() map[string]bool {
	exposed := map[string]bool{}
	for _, root := range roots {
		exposed[root] = true
	}
	for _, f := range p.files {
		if f.test() {
			continue
		}
		ast.WalkRefs(f.module, func(ref ast.Ref) bool {
			path := f.resolve(ref)
			rules, within := p.rulesAt(path)
			if len(rules) > 0 && within != f.module.Package.Path.String() {
				exposed[within+"."+nameOf(rules[0])] = true
			}
			return false
		})
	}
	return exposed
}

// titled returns the rules that have a title on a definition or on a member.
func (p *parsed) titled() map[string]bool {
	titled := map[string]bool{}
	for _, module := range p.modules {
		for _, a := range module.Annotations {
			if a.Scope == "package" || a.Title == "" {
				continue
			}
			for path := a.GetTargetPath(); len(path) > len(module.Package.Path); path = path[:len(path)-1] {
				titled[path.String()] = true
			}
		}
	}
	return titled
}

// reason requires that a rule that gives a reason has a description and a
// unique code. It skips rules that pass on the reasons of other rules.
func (f *file) reason(set *ast.AnnotationSet, rule *ast.Rule, codes map[string]*ast.Location) {
	if nameOf(rule) != "reasons" || rule.Head.Key == nil || isVar(rule.Head.Key) {
		return
	}
	var code string
	for _, a := range set.GetRuleScope(rule) {
		if text, _ := a.Custom["code"].(string); text != "" && a.Title != "" && a.Description != "" {
			code = text
		}
	}
	given, literal := rule.Head.Key.Value.(ast.String)
	f.code = "reason-metadata"
	switch {
	case code == "":
		f.on(rule.Location, "the reason has no title, description and custom.code")
		return
	case literal && string(given) != code:
		f.on(rule.Location, "the reason is %q, and its custom.code %q", string(given), code)
	}
	f.code = "reason-unique"
	if first := codes[code]; first != nil {
		f.on(rule.Location, "the code %q is also that of %s:%d", code, first.File, first.Row)
		return
	}
	codes[code] = rule.Location
}

func isVar(term *ast.Term) bool {
	_, ok := term.Value.(ast.Var)
	return ok
}

// knownKeys lists the keys that an annotation may have.
var knownKeys = []string{
	"title", "description", "scope", "entrypoint", "custom", "related_resources", "authors",
	"organizations", "schemas", "compile",
}

// metadataKeys finds misspelt keys of annotations. It also finds an annotation
// on one of several definitions that states no scope.
func (f *file) metadataKeys() {
	for _, a := range f.module.Annotations {
		f.code = "invalid-metadata-attribute"
		text := f.annotationText(a)
		var keys map[string]any
		if yaml.Unmarshal(text, &keys) != nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if !slices.Contains(knownKeys, key) {
				f.on(a.Location, "the annotation has a key %q, which means nothing", key)
			}
		}
		f.code = "ambiguous-scope"
		if _, stated := keys["scope"]; !stated && a.Scope == "rule" && f.onlyOneOfMany(a) {
			f.on(a.Location, "one definition of several is annotated, without a scope")
		}
	}
}

func (f *file) annotationText(a *ast.Annotations) []byte {
	var text bytes.Buffer
	for row := a.Location.Row; row < len(f.lines); row++ {
		line, ok := strings.CutPrefix(strings.TrimSpace(f.lines[row]), "#")
		if !ok {
			break
		}
		text.WriteString(strings.TrimPrefix(line, " ") + "\n")
	}
	return text.Bytes()
}

func (f *file) onlyOneOfMany(a *ast.Annotations) bool {
	path := a.GetTargetPath()
	others := 0
	for _, b := range f.module.Annotations {
		if b != a && b.Scope != "package" && b.GetTargetPath().Equal(path) {
			return false
		}
	}
	for _, rule := range f.module.Rules {
		if rule.Ref().GroundPrefix().Equal(path) && !rule.Default {
			others++
		}
	}
	return others > 1
}

// whole finds parts that the tree as a whole lacks.
func (p *parsed) whole() []rego.Finding {
	for _, f := range p.files {
		for _, a := range f.module.Annotations {
			if a.Entrypoint {
				return nil
			}
		}
	}
	for _, f := range p.files {
		if f.module.Package.Path.String() == "data.reseller.main" && !f.test() {
			f.code = "no-defined-entrypoint"
			f.on(f.module.Package.Location, "no annotation says where decisions start")
			break
		}
	}
	var found []rego.Finding
	for _, f := range p.files {
		found, f.found = append(found, f.found...), nil
	}
	return found
}
