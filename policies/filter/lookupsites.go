package filter

import (
	"slices"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// WithLookups returns the tree that plans are compiled from: each look-up by a value of
// the acting user reads input.looked. It returns the tree itself if there are none. The
// findings are look-ups by a column in too much data.
func (t *Tree) WithLookups(refs ...ast.Ref) (*Tree, []rego.Finding) {
	s := &sites{lookups: &Lookups{data: t.Data}, seen: map[string]int{}, rules: t.Rules}
	modules := map[string]*ast.Module{}
	for name, module := range t.Compiler.Modules {
		copied := rego.WithoutPresence(module)
		for i, rule := range copied.Rules {
			for r := rule; r != nil; r = r.Else {
				s.rule = module.Rules[i]
				s.body(r.Body, names{})
			}
			s.drop(rule)
		}
		modules[name] = copied
	}
	out := t
	if len(s.lookups.list) > 0 {
		var err error
		if out, err = t.recompiled(modules, refs); err != nil {
			return nil, []rego.Finding{{Code: "lookup", Message: err.Error()}}
		}
		out.Lookups = s.lookups
	}
	return out, out.lintLookups(refs)
}

// recompiled returns the tree with other modules, which are compiled already.
func (t *Tree) recompiled(modules map[string]*ast.Module, refs []ast.Ref) (*Tree, error) {
	compiler := rego.NewCompiler(rego.Untyped)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, compiler.Errors
	}
	out := *t
	out.Compiler, out.Rules, out.Modules = compiler, rego.NewRules(compiler), modules
	all := out.Rules.Reachable(refs...)
	out.Mentioned, out.Touch = rego.NewMentions(nil, all), newTouch(out.Rules, t.Schema, all)
	return &out, nil
}

// names are the variables of a body that stand for references.
type names map[ast.Var]ast.Ref

// sites finds the look-ups of a compiled tree and replaces them.
type sites struct {
	lookups *Lookups
	seen    map[string]int // numbers of look-ups, by text
	rules   *rego.Rules
	rule    *ast.Rule
}

// body replaces the look-ups of a body and of the bodies inside it.
func (s *sites) body(body ast.Body, outer names) {
	known := names{}
	for v, ref := range outer {
		known[v] = ref
	}
	for _, x := range body {
		if v := rego.BoundRef(x); v != nil {
			for i := range 2 {
				if ref, ok := x.Operand(i).Value.(ast.Ref); ok && (userRef(ref) || s.collection(ref)) {
					known[v.Value.(ast.Var)] = ref
				}
			}
		}
	}
	for _, x := range body {
		s.expr(x, known)
		ast.NewGenericVisitor(func(y any) bool {
			switch y := y.(type) {
			case *ast.ArrayComprehension:
				s.body(y.Body, known)
				return true
			case *ast.SetComprehension:
				s.body(y.Body, known)
				return true
			case *ast.ObjectComprehension:
				s.body(y.Body, known)
				return true
			case *ast.Every:
				s.body(y.Body, known)
				return true
			case *ast.Term:
				s.term(y, known)
			}
			return false
		}).Walk(x)
	}
}

// drop removes the names of collections that nothing uses any more. Evaluating them
// would take time for large data.
func (s *sites) drop(rule *ast.Rule) {
	uses := map[ast.Var]int{}
	ast.WalkVars(rule, func(v ast.Var) bool {
		uses[v]++
		return false
	})
	ast.WalkExprs(rule, func(x *ast.Expr) bool {
		v := rego.BoundRef(x)
		if v == nil || uses[v.Value.(ast.Var)] > 1 {
			return false
		}
		for i := range 2 {
			if ref, ok := x.Operand(i).Value.(ast.Ref); ok && s.collection(ref) {
				x.Terms = ast.BooleanTerm(true)
				return false
			}
		}
		return false
	})
}

// userRef reports whether a reference reads a single value of the acting user that
// plans do not know.
func userRef(ref ast.Ref) bool {
	at, ok := refPathOf(ref)
	if !ref.HasPrefix(ast.InputRootRef) || !ok {
		return false
	}
	return len(at) == 2 && at[0] == "subject" && at[1] == "id" ||
		len(at) == 3 && at[0] == "subject" && (at[1] == "user" || at[1] == "account") && !slices.ContainsFunc(KnownRefs, ref.HasPrefix)
}

// collection reports whether a reference reads a value of the data files.
func (s *sites) collection(ref ast.Ref) bool {
	if !ref.HasPrefix(ast.DefaultRootRef) || len(ref) < 2 || !ref.IsGround() || len(s.rules.Lookup(ref)) > 0 {
		return false
	}
	path, ok := refPathOf(ref)
	if !ok {
		return false
	}
	_, found := input.Walk(s.lookups.data, path)
	return found
}

// user returns the path of the value of the user that a term is.
func (s *sites) user(term *ast.Term, known names) (predicate.Ref, bool) {
	ref, isRef := term.Value.(ast.Ref)
	if v, isVar := term.Value.(ast.Var); isVar {
		ref, isRef = known[v]
	}
	if !isRef || !userRef(ref) {
		return nil, false
	}
	return refPathOf(ref)
}

// term replaces a reference into the data by a value of the user.
func (s *sites) term(term *ast.Term, known names) {
	ref, ok := term.Value.(ast.Ref)
	if !ok || !ref.HasPrefix(ast.DefaultRootRef) {
		return
	}
	path, last := []step{}, 0
	for i, part := range ref[1:] {
		if text, ok := part.Value.(ast.String); ok {
			path = append(path, step{key: string(text)})
		} else if user, ok := s.user(part, known); ok && i > 0 {
			path, last = append(path, step{ref: user}), i+1
		} else {
			break
		}
	}
	if last == 0 || len(s.rules.Lookup(ref[:len(path)+1])) > 0 || !s.collection(ref[:prefix(path)+1]) {
		return
	}
	looked := s.number(&lookup{path: path, Place: term.Location})
	term.Value = looked.Concat(ref[len(path)+1:])
}

// prefix returns how many parts of a path come before the first value of the user.
func prefix(path []step) int {
	return slices.IndexFunc(path, func(s step) bool { return s.ref != nil })
}

// number returns the reference that replaces a look-up. Equal look-ups share it.
func (s *sites) number(x *lookup) ast.Ref {
	text := ""
	for _, part := range x.path {
		text += "/" + strconv.Quote(part.key) + part.ref.String()
	}
	text += strconv.FormatBool(x.member)
	if x.fallback != nil {
		text += ast.MustInterfaceToValue(x.fallback).String()
	}
	i, ok := s.seen[text]
	if !ok {
		i = len(s.lookups.list)
		x.Rule = s.rule
		if x.member {
			at := make([]string, len(x.path)-1)
			for j := range at {
				at[j] = x.path[j].key
			}
			collection, _ := input.Walk(s.lookups.data, at)
			x.index(collection)
		}
		s.lookups.list = append(s.lookups.list, x)
		s.seen[text] = i
	}
	return ast.InputRootRef.Concat([]*ast.Term{ast.StringTerm(lookedKey), ast.StringTerm(strconv.Itoa(i))})
}

// expr replaces the calls in and object.get of the data by a value of the user.
func (s *sites) expr(x *ast.Expr, known names) {
	terms, ok := x.Terms.([]*ast.Term)
	if !ok || len(x.With) > 0 {
		return
	}
	switch name := terms[0].String(); {
	case name == ast.Member.Name && len(terms) >= 3:
		user, okUser := s.user(terms[1], known)
		of, okData := s.collected(terms[2], known)
		if okUser && okData {
			s.replace(x, terms[3:], &lookup{path: append(of, step{ref: user}), member: true})
		}
	case name == ast.ObjectGet.Name && len(terms) == 5 && ast.IsConstant(terms[3].Value):
		of, okData := s.collected(terms[1], known)
		user, okUser := s.user(terms[2], known)
		fallback, err := ast.JSON(terms[3].Value)
		if okUser && okData && err == nil && fallback != nil {
			s.replace(x, terms[4:], &lookup{path: append(of, step{ref: user}), fallback: fallback})
		}
	}
}

// collected returns the path of the data that a term is.
func (s *sites) collected(term *ast.Term, known names) ([]step, bool) {
	ref, isRef := term.Value.(ast.Ref)
	if v, isVar := term.Value.(ast.Var); isVar {
		ref, isRef = known[v]
	}
	if !isRef || !s.collection(ref) {
		return nil, false
	}
	at, _ := refPathOf(ref)
	var path []step
	for _, key := range at {
		path = append(path, step{key: key})
	}
	return path, true
}

// replace turns a call into a reading of input.looked. result is the variable of the
// call's result, if it has one.
func (s *sites) replace(x *ast.Expr, result []*ast.Term, l *lookup) {
	l.Place = x.Location
	looked := ast.NewTerm(s.number(l)).SetLocation(x.Location)
	if len(result) == 0 {
		x.Terms = looked
		return
	}
	x.Terms = []*ast.Term{ast.NewTerm(ast.Equality.Ref()), result[0], looked}
}
