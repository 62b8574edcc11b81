package filter

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// split divides a conjunction into two. row holds the expressions that read
// the row and all expressions that share a variable with them; free holds the
// others.
func (t *Translator) split(body ast.Body) (row, free ast.Body) {
	groups := newGroups(body)
	touched := map[int]bool{}
	for i, x := range body {
		if t.touchesRow(x) {
			touched[groups.of(i)] = true
		}
	}
	for i, x := range body {
		if touched[groups.of(i)] {
			row = append(row, x)
		} else {
			free = append(free, x)
		}
	}
	return row, free
}

// groups puts the expressions of a body that share variables together.
type groups struct{ parent []int }

func newGroups(body ast.Body) *groups {
	g := &groups{parent: make([]int, len(body))}
	first := map[ast.Var]int{}
	for i, x := range body {
		g.parent[i] = i
		for v := range freeVars(x) {
			if j, ok := first[v]; ok {
				g.parent[g.of(i)] = g.of(j)
			} else {
				first[v] = i
			}
		}
	}
	return g
}

func (g *groups) of(i int) int {
	for g.parent[i] != i {
		i = g.parent[i]
	}
	return i
}

// joinedTo returns the expressions of a body that share variables with x, and x.
func joinedTo(body ast.Body, x *ast.Expr) ast.Body {
	groups := newGroups(body)
	at := slices.Index(body, x)
	var out ast.Body
	for i, y := range body {
		if at >= 0 && groups.of(i) == groups.of(at) {
			out = append(out, y)
		}
	}
	return out
}

// freeVars returns the variables of an expression. It leaves out the names of
// functions and of the input and data documents.
func freeVars(x *ast.Expr) map[ast.Var]int {
	vars := map[ast.Var]int{}
	vis := ast.NewVarVisitor().WithParams(ast.VarVisitorParams{SkipRefCallHead: true})
	vis.Walk(x)
	for v := range vis.Vars() {
		if v != ast.InputRootDocument.Value && v != ast.DefaultRootDocument.Value {
			vars[v]++
		}
	}
	return vars
}

// touchesRow reports whether an expression may read a column.
func (t *Translator) touchesRow(x any) bool {
	if t.Columns == nil {
		return false
	}
	return t.touches(x, map[string]bool{})
}

func (t *Translator) touches(x any, seen map[string]bool) bool {
	found := false
	ast.WalkRefs(x, func(ref ast.Ref) bool {
		switch {
		case ref.HasPrefix(ast.InputRootRef):
			found = found || t.readsColumn(ref)
		case ref.HasPrefix(ast.DefaultRootRef):
			found = found || t.ruleTouches(ref, seen)
		}
		return found
	})
	return found
}

func (t *Translator) readsColumn(ref ast.Ref) bool {
	if len(ref) < 2 || !ast.IsConstant(ref[1].Value) {
		return true
	}
	if !isText(ref[1], "resource") {
		return false
	}
	if len(ref) == 2 {
		return true
	}
	name, ok := ref[2].Value.(ast.String)
	if !ok {
		return true
	}
	_, column := t.Columns[string(name)]
	return column
}

func (t *Translator) ruleTouches(ref ast.Ref, seen map[string]bool) bool {
	key := ref.ConstantPrefix().String()
	if seen[key] {
		return false
	}
	seen[key] = true
	for name, rules := range t.Support {
		if name != key && !hasPart(key, name) && !hasPart(name, key) {
			continue
		}
		for _, rule := range rules {
			if t.touches(rule, seen) {
				return true
			}
		}
	}
	for _, rule := range t.Tree.Rules.Lookup(ref) {
		if t.Tree.Touch.Row[rule] || t.touches(rule, seen) {
			return true
		}
	}
	return false
}

// hasPart reports whether path lies below prefix.
func hasPart(path, prefix string) bool {
	return len(path) > len(prefix) && path[:len(prefix)] == prefix &&
		(path[len(prefix)] == '.' || path[len(prefix)] == '[')
}

// lateIn returns the open values of the request that an expression reads.
func (t *Translator) lateIn(x any) []refPath {
	var out []refPath
	seen := map[string]bool{}
	var visit func(x any)
	visit = func(x any) {
		ast.WalkRefs(x, func(ref ast.Ref) bool {
			if ref.HasPrefix(ast.DefaultRootRef) && !seen[ref.String()] {
				seen[ref.String()] = true
				for _, rule := range t.Support[ref.ConstantPrefix().String()] {
					visit(rule)
				}
			}
			if ref.HasPrefix(ast.InputRootRef) {
				out = t.addLate(out, ref)
			}
			return false
		})
	}
	visit(x)
	return out
}
