package check

import (
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// bugRules find code that is almost certainly a mistake.
var bugRules = []lintRule{
	{"argument-always-wildcard", "drop the argument: no definition of the function reads it", alwaysWildcard},
	{"annotation-without-metadata", "put a line \"# METADATA\" above the annotation", withoutMetadata},
	{"constant-condition", "drop the condition, or the rule that it decides", constantCondition},
	{"duplicate-rule", "drop one of the two", duplicateRule},
	{"import-shadows-rule", "rename the rule, or import under another name", importShadowsRule},
	{"impossible-not", "a set is always defined: ask for a member of it, or compare it with set()", impossibleNot},
	{"inconsistent-args", "name an argument alike in every definition of the function", inconsistentArgs},
	{"leaked-internal-reference", "use what the package offers: names with _ in front are its own", leakedInternal},
	{"not-equals-in-loop", "true as soon as one element differs: write \"not x in xs\"", notEqualsInLoop},
	{"redundant-existence-check", "drop the line: the next one asks for the same value", redundantExistence},
	{"redundant-loop-count", "drop the count: iterating over nothing yields nothing", redundantCount},
	{"rule-assigns-default", "drop the rule: its value is the default", assignsDefault},
	{"rule-shadows-builtin", "rename the rule: a built-in has that name", ruleShadowsBuiltin},
	{"shadowed", "rename the variable: a rule or an import of that name is out of reach here", shadowed},
	{"sprintf-arguments-mismatch", "give as many arguments as the text has verbs", sprintfMismatch},
	{"top-level-iteration", "iterate in the body of the rule", topLevelIteration},
	{"unassigned-return-value", "use what the function returns", unassignedReturn},
	{"unresolved-reference", "mend the name: nothing defines it, so that it is never anything", unresolvedReference},
	{"var-shadows-builtin", "rename the variable: a built-in has that name", varShadowsBuiltin},
}

// functions calls fn with each function whose first definition in the package
// is in this file, and with all of its definitions.
func (f *file) functions(fn func(name string, definitions []*ast.Rule)) {
	for name, rules := range f.pkg().rules {
		first := rules[0]
		if len(first.Head.Args) > 0 && first.Location.File == f.name {
			fn(name, rules)
		}
	}
}

func alwaysWildcard(f *file) {
	f.functions(func(name string, definitions []*ast.Rule) {
		for i := range definitions[0].Head.Args {
			always := true
			for _, d := range definitions {
				v, ok := d.Head.Args[i].Value.(ast.Var)
				always = always && ok && wildcard(v)
			}
			if always {
				f.on(definitions[0].Location, "argument %d of %s is never read", i+1, name)
			}
		}
	})
}

func inconsistentArgs(f *file) {
	f.functions(func(name string, definitions []*ast.Rule) {
		for i, arg := range definitions[0].Head.Args {
			first, ok := arg.Value.(ast.Var)
			for _, d := range definitions[1:] {
				other, also := d.Head.Args[i].Value.(ast.Var)
				if ok && also && first != other && !wildcard(first) && !wildcard(other) {
					f.on(d.Location, "argument %d of %s is called %s here and %s elsewhere", i+1, name, other, first)
				}
			}
		}
	})
}

var annotationKey = regexp.MustCompile(`^\s*(title|description|scope|entrypoint|custom|related_resources|authors|organizations|schemas):`)

func withoutMetadata(f *file) {
	previous := -1
	for _, comment := range f.module.Comments {
		begins := comment.Location.Row != previous+1
		previous = comment.Location.Row
		if begins && annotationKey.Match(comment.Text) {
			f.on(comment.Location, "a comment that looks like an annotation is none")
		}
	}
}

func constantCondition(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		term := single(x)
		name, args := called(x)
		switch {
		case term != nil && constant(term):
			f.on(x.Location, "the condition %s is always the same", x)
		case comparisons[name] && len(args) == 2 && constant(args[0]) && constant(args[1]):
			f.on(x.Location, "the condition %s is always the same", x)
		}
	})
}

var comparisons = map[string]bool{"equal": true, "eq": true, "neq": true, "lt": true, "lte": true, "gt": true, "gte": true}

func constant(term *ast.Term) bool {
	return ast.IsConstant(term.Value)
}

func duplicateRule(f *file) {
	for _, rules := range f.pkg().rules {
		for i, rule := range rules {
			for _, before := range rules[:i] {
				if rule.Location.File == f.name && rule.Compare(before) == 0 {
					f.on(rule.Location, "the rule stands at %s:%d, too", before.Location.File, before.Location.Row)
				}
			}
		}
	}
}

func importShadowsRule(f *file) {
	for _, imported := range f.module.Imports {
		if rules, ok := f.pkg().rules[string(imported.Name())]; ok && !f.test() {
			f.on(imported.Location, "the import hides the rule %s (%s:%d)", imported.Name(), rules[0].Location.File, rules[0].Location.Row)
		}
	}
}

func impossibleNot(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		term := single(x)
		if term == nil || !x.Negated {
			return
		}
		var ref ast.Ref
		switch v := term.Value.(type) {
		case ast.Ref:
			ref = v
		case ast.Var:
			ref = ast.Ref{term}
		default:
			return
		}
		path := f.resolve(ref)
		rules, within := f.rulesAt(path)
		if len(rules) == 0 || len(path) != len(ast.MustParseRef(within))+1 {
			return
		}
		for _, rule := range rules {
			if rule.Head.RuleKind() == ast.MultiValue && rule.Head.Key != nil {
				f.on(x.Location, "%s never holds: %s is a set", x, ref)
				return
			}
		}
	})
}

func leakedInternal(f *file) {
	ast.WalkRefs(f.module, func(ref ast.Ref) bool {
		path := f.resolve(ref)
		_, within := f.rulesAt(path)
		if path == nil || within == f.module.Package.Path.String() || f.test() {
			return false
		}
		for _, step := range path[1:] {
			if name, ok := step.Value.(ast.String); ok && strings.HasPrefix(string(name), "_") {
				f.on(ref[0].Location, "%s is internal to its package", ref)
				break
			}
		}
		return false
	})
}

func notEqualsInLoop(f *file) {
	f.calls(func(rule *ast.Rule, loc *ast.Location, name string, args []*ast.Term) {
		if name != "neq" || len(args) != 2 {
			return
		}
		for _, arg := range args {
			if ref, ok := arg.Value.(ast.Ref); ok && ranging(ref) {
				f.on(loc, "!= over %s", ref)
			}
		}
	})
}

func ranging(ref ast.Ref) bool {
	for _, step := range ref[1:] {
		if v, ok := step.Value.(ast.Var); ok && wildcard(v) {
			return true
		}
	}
	return false
}

func redundantExistence(f *file) {
	for rule := range f.rules() {
		bodies(rule, func(body ast.Body) {
			for i := 0; i+1 < len(body); i++ {
				term := single(body[i])
				if term == nil || body[i].Negated || len(body[i].With) > 0 || body[i+1].Negated || len(body[i+1].With) > 0 {
					continue
				}
				ref, ok := term.Value.(ast.Ref)
				if !ok {
					continue
				}
				if mentions(body[i+1], ref) {
					f.on(body[i].Location, "%s is asked for, and read by the next condition", ref)
				}
			}
		})
	}
}

func mentions(x any, ref ast.Ref) bool {
	found := false
	ast.WalkRefs(x, func(other ast.Ref) bool {
		found = found || other.Equal(ref)
		return found
	})
	return found
}

func redundantCount(f *file) {
	for rule := range f.rules() {
		bodies(rule, func(body ast.Body) {
			for i := 0; i+1 < len(body); i++ {
				name, args := called(body[i])
				if (name != "gt" && name != "neq") || !args[1].Equal(ast.InternedTerm(0)) {
					continue
				}
				counted, ok := args[0].Value.(ast.Call)
				if !ok || counted[0].String() != "count" {
					continue
				}
				if decl, ok := body[i+1].Terms.(*ast.SomeDecl); ok && strings.Contains(decl.String(), " in "+counted[1].String()) {
					f.on(body[i].Location, "%s before an iteration over it", body[i])
				}
			}
		})
	}
}

func assignsDefault(f *file) {
	for _, rules := range f.pkg().rules {
		if !rules[0].Default || len(rules[0].Head.Args) > 0 {
			continue
		}
		for _, rule := range rules[1:] {
			if rule.Location.File == f.name && rule.Else == nil && rule.Head.Value != nil && rule.Head.Value.Equal(rules[0].Head.Value) {
				f.on(rule.Location, "%s gets its default", nameOf(rule))
			}
		}
	}
}

// builtins holds the names of built-ins without a dot, and the namespaces of
// the others.
var builtins = func() map[string]bool {
	names := map[string]bool{}
	for _, b := range ast.Builtins {
		space, _, _ := strings.Cut(b.Name, ".")
		names[space] = true
	}
	return names
}()

func ruleShadowsBuiltin(f *file) {
	for _, rule := range f.module.Rules {
		if builtins[nameOf(rule)] {
			f.on(rule.Location, "the rule is called like the built-in %s", nameOf(rule))
		}
	}
}

func varShadowsBuiltin(f *file) {
	for rule := range f.rules() {
		declared(rule, func(v ast.Var, loc *ast.Location) {
			if builtins[string(v)] {
				f.on(loc, "the variable is called like the built-in %s", v)
			}
		})
	}
}

func shadowed(f *file) {
	for rule := range f.rules() {
		declared(rule, func(v ast.Var, loc *ast.Location) {
			_, isRule := f.pkg().rules[string(v)]
			_, isImport := f.imports[v]
			if isRule || isImport {
				f.on(loc, "the variable %s hides what else has that name", v)
			}
		})
	}
}

var verb = regexp.MustCompile(`%[+\-# 0]*[0-9*]*(\.[0-9*]+)?[a-zA-Z]`)

func sprintfMismatch(f *file) {
	f.calls(func(_ *ast.Rule, loc *ast.Location, name string, args []*ast.Term) {
		if name != "sprintf" || len(args) < 2 {
			return
		}
		text, ok := args[0].Value.(ast.String)
		list, isList := args[1].Value.(*ast.Array)
		if ok && isList {
			if verbs := len(verb.FindAllString(strings.ReplaceAll(string(text), "%%", ""), -1)); verbs != list.Len() {
				f.on(loc, "sprintf has %d verbs and %d arguments", verbs, list.Len())
			}
		}
	})
}

func topLevelIteration(f *file) {
	for rule := range f.rules() {
		if !bodyless(rule) || rule.Head.Value == nil {
			continue
		}
		if ref, ok := rule.Head.Value.Value.(ast.Ref); ok && ranging(ref) {
			f.on(rule.Location, "%s iterates over %s outside of a body", nameOf(rule), ref)
		}
	}
}

func unassignedReturn(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		name, args := called(x)
		builtin := ast.BuiltinMap[name]
		if builtin == nil || len(args) != builtin.Decl.Arity() || builtin.Infix != "" {
			return
		}
		if result := builtin.Decl.Result(); result != nil && types.Compare(result, types.B) != 0 {
			f.on(x.Location, "nothing is done with the result of %s", name)
		}
	})
}

// unresolvedReference finds references to a package of the tree or to data
// that name nothing defined there.
func unresolvedReference(f *file) {
	ast.WalkRefs(f.module, func(ref ast.Ref) bool {
		path := f.resolve(ref)
		if len(path) < 2 || ref[0].Location == nil {
			return false
		}
		rules, within := f.rulesAt(path)
		depth := len(ast.MustParseRef("data"))
		if within != "" {
			depth = len(ast.MustParseRef(within))
		}
		if len(rules) > 0 || depth >= len(path) {
			return false
		}
		if _, ok := path[depth].Value.(ast.String); ok && !f.there(path) {
			f.on(ref[0].Location, "%s: nothing in the tree defines it", path)
		}
		return false
	})
}

// standing lists the parts of the data that a tree may leave out.
var standing = []string{"data.limits", "data.areas", "data.catalog", "data.gateway"}

// there reports whether the data or a package has a value at a path. A step
// that is not a constant text may match any package.
func (p *parsed) there(path ast.Ref) bool {
	for _, known := range standing {
		if path.HasPrefix(ast.MustParseRef(known)) {
			return true
		}
	}
	for pkg, defines := range p.packages {
		if defines.at(ast.MustParseRef(pkg), path) {
			return true
		}
	}
	var value any = p.data
	for _, step := range path[1:] {
		name, ok := step.Value.(ast.String)
		object, isObject := value.(map[string]any)
		if !ok || !isObject {
			return true // the path continues inside a value
		}
		if value, ok = object[string(name)]; !ok {
			return false
		}
	}
	return true
}

// at reports whether a path may lead to the package at pkg, to one of its
// rules, or to a folder above it.
func (d *packageOf) at(pkg, path ast.Ref) bool {
	for i, step := range path {
		name, plain := step.Value.(ast.String)
		switch {
		case i == len(pkg):
			return !plain || len(d.rules[string(name)]) > 0
		case i > 0 && plain && !step.Equal(pkg[i]):
			return false
		}
	}
	return true
}
