package filter

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

var groupsRef = ast.MustParseRef("input.subject.groups")

// lintGroups refuses comparisons of the subject's groups with a number. Releases before
// this one had the number of groups there, and Rego orders each list after each number.
func (t *Tree) lintGroups(rules []*ast.Rule) []rego.Finding {
	var findings []rego.Finding
	uses := t.groupUses(rules)
	for _, rule := range rules {
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			if uses.countsGroups(rule, x) {
				findings = append(findings, rego.FindingAt(x.Location, "groups",
					"input.subject.groups in rule "+rego.RulePath(rule)+" is a list of groups: write count(input.subject.groups)"))
			}
			return false
		})
	}
	return findings
}

var (
	orders = []string{ast.LessThan.Name, ast.LessThanEq.Name, ast.GreaterThan.Name, ast.GreaterThanEq.Name}
	equals = []string{ast.Equal.Name, ast.Equality.Name, ast.NotEqual.Name, ast.Assign.Name}
)

// countsGroups reports whether an expression orders the groups, whatever it orders them
// by, or compares them with a number.
func (u *groupUses) countsGroups(rule *ast.Rule, x *ast.Expr) bool {
	if !x.IsCall() || len(x.Operands()) < 2 {
		return false
	}
	name := x.Operator().String()
	for i := range 2 {
		_, number := x.Operand(1 - i).Value.(ast.Number)
		ordered := slices.Contains(orders, name)
		if (ordered || number && slices.Contains(equals, name)) && u.paths(rule, x.Operand(i))[len(groupsRef)] {
			return true
		}
	}
	return false
}

// LooksIntoGroups reports whether a decision may depend on more of the subject's groups
// than their number.
func (t *Tree) LooksIntoGroups(decides []*ast.Rule) bool {
	uses := t.groupUses(decides)
	return slices.ContainsFunc(decides, func(rule *ast.Rule) bool {
		kept := func(term *ast.Term) bool { return uses.may(rule, term, 1) }
		found := rule.Head.Key != nil && kept(rule.Head.Key) || slices.ContainsFunc(rule.Head.Reference, kept)
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			found = found || uses.looksInto(rule, x)
			return found
		})
		ast.WalkTerms(rule, func(term *ast.Term) bool {
			found = found || uses.holds(rule, term)
			return found
		})
		return found
	})
}

// looksInto reports whether an expression uses the groups, or an object that has them, for
// more than their number.
func (u *groupUses) looksInto(rule *ast.Rule, x *ast.Expr) bool {
	if slices.ContainsFunc(x.With, func(w *ast.With) bool { return groupsRef.HasPrefix(w.Target.Value.(ast.Ref)) }) {
		return true
	}
	if every, ok := x.Terms.(*ast.Every); ok {
		return u.may(rule, every.Domain, 1)
	}
	if !x.IsCall() {
		return false
	}
	name := x.Operator().String()
	if _, presence := rego.IsPresence(x.Operands()); presence || name == ast.Count.Name || ast.BuiltinMap[name] == nil {
		return false // the callee is looked at by itself
	}
	for i, operand := range x.Operands() {
		switch {
		case u.may(rule, operand, inGroups):
			return true
		case !u.may(rule, operand, 1):
		case name == ast.ObjectGet.Name && (i == 0 && constantPath(x.Operand(1)) != nil || i == 3):
		case slices.Contains(equals, name) && i < 2 && u.sameOrNone(rule, x.Operand(1-i)):
		default:
			return true
		}
	}
	return false
}

// sameOrNone reports whether a term is the same list, or the empty one.
func (u *groupUses) sameOrNone(rule *ast.Rule, term *ast.Term) bool {
	list, ok := term.Value.(*ast.Array)
	return ok && list.Len() == 0 || u.may(rule, term, 1)
}

// holds reports whether a term reads an element of the groups, or puts them into a
// collection.
func (u *groupUses) holds(rule *ast.Rule, term *ast.Term) bool {
	if ref, ok := term.Value.(ast.Ref); ok {
		for i := 1; i < len(ref); i++ {
			head := ast.NewTerm(ref[:i])
			_, known := ref[i].Value.(ast.String)
			if u.may(rule, head, len(groupsRef)) || !known && u.may(rule, head, 1) {
				return true
			}
		}
		return false
	}
	found := false
	inside := func(inner *ast.Term) { found = found || u.may(rule, inner, 1) }
	switch v := term.Value.(type) {
	case *ast.Array:
		v.Foreach(inside)
	case ast.Set:
		v.Foreach(inside)
	case ast.Object:
		v.Foreach(func(key, value *ast.Term) { inside(key); inside(value) })
	case *ast.ArrayComprehension:
		inside(v.Term)
	case *ast.SetComprehension:
		inside(v.Term)
	case *ast.ObjectComprehension:
		inside(v.Key)
		inside(v.Value)
	}
	return found
}

// groupUses says which variables of which rules may be the subject's groups, or an object
// that has them. They are known by the length of their path: input, input.subject or
// input.subject.groups.
type groupUses struct {
	rules *rego.Rules
	known map[variable]map[int]bool
	grew  bool
}

type variable struct {
	rule *ast.Rule
	name ast.Var
}

// groupUses follows the groups through assignments, object.get, and the arguments and
// values of rules.
func (t *Tree) groupUses(rules []*ast.Rule) *groupUses {
	u := &groupUses{rules: t.Rules, known: map[variable]map[int]bool{}, grew: true}
	for u.grew {
		u.grew = false
		for _, rule := range rules {
			ast.WalkExprs(rule, func(x *ast.Expr) bool {
				if x.IsCall() {
					u.call(rule, x.Operator(), x.Operands())
				}
				return false
			})
		}
	}
	return u
}

func (u *groupUses) call(rule *ast.Rule, operator ast.Ref, operands []*ast.Term) {
	name := operator.String()
	switch {
	case (name == ast.Equality.Name || name == ast.Assign.Name) && len(operands) == 2:
		u.bind(rule, operands[0], u.paths(rule, operands[1]))
		u.bind(rule, operands[1], u.paths(rule, operands[0]))
	case name == ast.ObjectGet.Name && len(operands) == 4:
		u.bind(rule, operands[3], u.paths(rule, operands[2]))
		if path := constantPath(operands[1]); path != nil {
			u.bind(rule, operands[3], longer(u.paths(rule, operands[0]), path))
		}
	default:
		for _, callee := range u.rules.Lookup(operator) {
			for ; callee != nil; callee = callee.Else {
				for i, arg := range callee.Head.Args {
					u.bind(u.root(operator, callee), arg, u.paths(rule, operands[i]))
				}
				if n := len(callee.Head.Args); len(operands) > n {
					u.bind(rule, operands[n], u.paths(u.root(operator, callee), callee.Head.Value))
				}
			}
		}
	}
}

// root returns the rule that an else branch belongs to.
func (u *groupUses) root(operator ast.Ref, branch *ast.Rule) *ast.Rule {
	for _, rule := range u.rules.Lookup(operator) {
		for at := rule; at != nil; at = at.Else {
			if at == branch {
				return rule
			}
		}
	}
	return branch
}

func (u *groupUses) bind(rule *ast.Rule, term *ast.Term, paths map[int]bool) {
	v, ok := term.Value.(ast.Var)
	if !ok || len(paths) == 0 {
		return
	}
	at := variable{rule, v}
	if u.known[at] == nil {
		u.known[at] = map[int]bool{}
	}
	for n := range paths {
		u.grew = u.grew || !u.known[at][n]
		u.known[at][n] = true
	}
}

// may reports whether a term may have a path of at least n parts.
func (u *groupUses) may(rule *ast.Rule, term *ast.Term, n int) bool {
	for length := range u.paths(rule, term) {
		if length >= n {
			return true
		}
	}
	return false
}

// paths returns the lengths of the paths that a term may have.
func (u *groupUses) paths(rule *ast.Rule, term *ast.Term) map[int]bool {
	switch v := term.Value.(type) {
	case ast.Var:
		if v.Equal(ast.InputRootDocument.Value) {
			return map[int]bool{1: true}
		}
		return u.known[variable{rule, v}]
	case ast.Ref:
		if !v.HasPrefix(ast.DefaultRootRef) {
			return longer(u.paths(rule, v[0]), v[1:])
		}
		all := map[int]bool{}
		for _, named := range u.rules.Lookup(v) {
			n := len(named.Ref().GroundPrefix())
			for at := named; at != nil && n <= len(v) && len(at.Head.Args) == 0 && at.Head.Value != nil; at = at.Else {
				for length := range longer(u.paths(named, at.Head.Value), v[n:]) {
					all[length] = true
				}
			}
		}
		return all
	}
	return nil
}

// inGroups is the length of a path to an element of the groups.
const inGroups = 4

// longer returns the lengths of the paths that go on with these parts.
func longer(paths map[int]bool, parts []*ast.Term) map[int]bool {
	out := map[int]bool{}
	for n := range paths {
		end := min(n+len(parts), inGroups)
		if within := min(end, len(groupsRef)); n >= within || slices.EqualFunc(groupsRef[n:within], parts[:within-n], (*ast.Term).Equal) {
			out[end] = true
		}
	}
	return out
}

// constantPath returns the path that a constant argument of object.get names, or nil.
func constantPath(term *ast.Term) []*ast.Term {
	path := []*ast.Term{term}
	if list, ok := term.Value.(*ast.Array); ok {
		path = path[:0]
		list.Foreach(func(part *ast.Term) { path = append(path, part) })
	}
	if slices.ContainsFunc(path, func(part *ast.Term) bool { return !ast.IsConstant(part.Value) }) {
		return nil
	}
	return path
}
