package predicate

// alternatives returns a path and the constants that it may equal, if the
// condition says only that.
func alternatives(e Expr) (Ref, []any, bool) {
	switch e := e.(type) {
	case Compare:
		if e.Op == Eq && e.Left.Ref != nil && e.Right.Ref == nil {
			return e.Left.Ref, []any{e.Right.Const}, true
		}
	case Member:
		if e.Item.Ref != nil && e.Set.Ref == nil {
			return e.Item.Ref, e.Set.List, true
		}
	}
	return nil, nil, false
}

func oneOf(ref Ref, list []any) Expr {
	return simplifyMember(Member{Operand{Ref: ref}, Operand{List: list}})
}

// union merges the equalities of each path within an Or.
func union(list []Expr) []Expr {
	return merge(list, func(a, b []any) []any { return append(append([]any{}, a...), b...) })
}

// intersect merges the equalities of each path within an And. It returns
// false if no constant remains for a path.
func intersect(list []Expr) ([]Expr, bool) {
	out := merge(list, func(a, b []any) []any {
		var both []any
		for _, v := range a {
			if among(v, b) {
				both = append(both, v)
			}
		}
		return both
	})
	for _, e := range out {
		if _, no := e.(False); no {
			return nil, false
		}
	}
	return out, true
}

func merge(list []Expr, combine func(a, b []any) []any) []Expr {
	var out []Expr
	at := map[string]int{}
	for _, e := range list {
		ref, values, ok := alternatives(e)
		if !ok {
			out = append(out, e)
			continue
		}
		key := ref.String()
		i, seen := at[key]
		if !seen {
			at[key] = len(out)
			out = append(out, e)
			continue
		}
		var before []any
		if _, no := out[i].(False); !no {
			_, before, _ = alternatives(out[i])
		}
		out[i] = oneOf(ref, combine(before, values))
	}
	return out
}

// withoutImplied removes Defined conditions from an And if another condition
// already requires the value to be present and not false.
func withoutImplied(list []Expr) []Expr {
	needed := map[string]bool{}
	for _, e := range list {
		for _, ref := range truthy(e) {
			needed[ref.String()] = true
		}
	}
	var out []Expr
	for _, e := range list {
		if d, ok := e.(Defined); ok && needed[d.Ref.String()] {
			continue
		}
		out = append(out, e)
	}
	return out
}

// truthy returns the paths that are present and not false whenever e holds.
func truthy(e Expr) []Ref {
	if m, ok := e.(Match); ok {
		return refs(m.Text, m.Part)
	}
	if c, ok := e.(Compare); ok && c.Op >= Lt {
		return refs(c.Left, c.Right)
	}
	if ref, values, ok := alternatives(e); ok && !among(false, values) {
		return []Ref{ref}
	}
	return nil
}

func refs(operands ...Operand) []Ref {
	var out []Ref
	for _, o := range operands {
		if o.Ref != nil {
			out = append(out, o.Ref)
		}
	}
	return out
}
