package predicate

// Simplify returns a condition with the same result on every Env. It removes
// constants, duplicates, contradictions and nesting without effect, and keeps
// the order of the remaining parts. Several equalities of one path in an Or
// become one Member, so that a database needs at most one index range per
// column.
func Simplify(e Expr) Expr {
	switch e := e.(type) {
	case And:
		return simplifyAnd(e)
	case Or:
		return simplifyOr(e)
	case Not:
		return simplifyNot(e)
	case Compare:
		return simplifyCompare(e)
	case Member:
		return simplifyMember(e)
	case Match:
		return simplifyMatch(e)
	case Exists:
		return simplifyExists(e)
	case True, Defined, Guard:
		return e
	default:
		return False{}
	}
}

func simplifyNot(n Not) Expr {
	if n.X == nil {
		return False{}
	}
	switch x := Simplify(n.X).(type) {
	case True:
		return False{}
	case False:
		return True{}
	case Not:
		return x.X
	default:
		return Not{x}
	}
}

func truth(holds bool) Expr {
	if holds {
		return True{}
	}
	return False{}
}

func simplifyCompare(c Compare) Expr {
	if c.Op < Eq || c.Op > Ge || empty(c.Left) || empty(c.Right) {
		return False{}
	}
	if c.Left.Ref == nil && c.Right.Ref == nil {
		return truth(holds(c.Op, c.Left.Const, c.Right.Const))
	}
	if c.Left.Ref == nil { // a path is always to the left of a constant
		return Compare{mirrored(c.Op), c.Right, c.Left}
	}
	return c
}

func mirrored(op Op) Op {
	switch op {
	case Lt:
		return Gt
	case Le:
		return Ge
	case Gt:
		return Lt
	case Ge:
		return Le
	default:
		return op
	}
}

func empty(o Operand) bool { return o.Ref == nil && o.Const == nil }

func simplifyMember(m Member) Expr {
	if empty(m.Item) {
		return False{}
	}
	if m.Set.Ref != nil {
		return m
	}
	if m.Item.Ref == nil {
		return truth(among(m.Item.Const, m.Set.List))
	}
	list := distinct(m.Set.List)
	switch len(list) {
	case 0:
		return False{}
	case 1:
		return simplifyCompare(Compare{Eq, m.Item, Operand{Const: list[0]}})
	default:
		return Member{m.Item, Operand{List: list}}
	}
}

func distinct(list []any) []any {
	var out []any
	for _, v := range list {
		if v != nil && !among(v, out) {
			out = append(out, v)
		}
	}
	return out
}

func simplifyMatch(m Match) Expr {
	if m.Op < StartsWith || m.Op > Contains || empty(m.Text) || empty(m.Part) {
		return False{}
	}
	if m.Text.Ref == nil && m.Part.Ref == nil {
		text, okText := m.Text.Const.(string)
		part, okPart := m.Part.Const.(string)
		return truth(okText && okPart && matches(m.Op, text, part))
	}
	return m
}

func simplifyExists(e Exists) Expr {
	if e.Where == nil {
		return False{}
	}
	where := Simplify(e.Where)
	if _, never := where.(False); never {
		return False{}
	}
	if any, ok := membership(e.Set, where); ok {
		return any
	}
	return Exists{e.Set, where}
}

// membership returns an Exists that only compares the element for equality as Member
// conditions, because an index can answer these.
func membership(set Ref, where Expr) (Expr, bool) {
	switch e := where.(type) {
	case Compare:
		item := e.Right
		if item.Ref.IsElement() {
			item = e.Left
		} else if !e.Left.Ref.IsElement() {
			return nil, false
		}
		return Member{item, Operand{Ref: set}}, e.Op == Eq && !item.Ref.IsElement()
	case Member:
		if !e.Item.Ref.IsElement() || e.Set.Ref != nil {
			return nil, false
		}
		any := Or{}
		for _, v := range e.Set.List {
			any = append(any, Member{Operand{Const: v}, Operand{Ref: set}})
		}
		return any, true
	}
	return nil, false
}

func simplifyAnd(list And) Expr {
	flat, no := gather(list, func(e Expr) ([]Expr, bool) { a, ok := e.(And); return a, ok }, False{})
	if no || contradictory(flat) {
		return False{}
	}
	flat, possible := intersect(withoutImplied(flat))
	if !possible {
		return False{}
	}
	switch len(flat) {
	case 0:
		return True{}
	case 1:
		return flat[0]
	default:
		return And(flat)
	}
}

func simplifyOr(list Or) Expr {
	flat, yes := gather(list, func(e Expr) ([]Expr, bool) { o, ok := e.(Or); return o, ok }, True{})
	if yes || contradictory(flat) {
		return True{}
	}
	flat = union(absorb(flat))
	switch len(flat) {
	case 0:
		return False{}
	case 1:
		return flat[0]
	default:
		return Or(flat)
	}
}

// gather simplifies the parts of an And or Or. It flattens nested parts of
// the same kind and drops duplicates and the neutral constant. It returns
// true if a part is the constant that decides the whole.
func gather(list []Expr, nested func(Expr) ([]Expr, bool), decisive Expr) ([]Expr, bool) {
	var out []Expr
	seen := map[string]bool{}
	var add func(Expr) bool
	add = func(e Expr) bool {
		if inner, ok := nested(e); ok {
			for _, x := range inner {
				if add(x) {
					return true
				}
			}
			return false
		}
		switch e.(type) {
		case True, False:
			return e == decisive
		}
		if key := Text(e); !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
		return false
	}
	for _, e := range list {
		if add(Simplify(e)) {
			return nil, true
		}
	}
	return out, false
}

// contradictory reports whether a list holds a condition and its negation.
func contradictory(list []Expr) bool {
	plain, negated := map[string]bool{}, map[string]bool{}
	for _, e := range list {
		if n, ok := e.(Not); ok {
			negated[Text(n.X)] = true
		} else {
			plain[Text(e)] = true
		}
	}
	for key := range negated {
		if plain[key] {
			return true
		}
	}
	return false
}

// absorb drops each And that contains another part of the same Or, because
// that part alone covers it.
func absorb(list []Expr) []Expr {
	parts := map[string]bool{}
	for _, e := range list {
		if _, ok := e.(And); !ok {
			parts[Text(e)] = true
		}
	}
	var out []Expr
	for _, e := range list {
		if a, ok := e.(And); ok && containsAny(a, parts) {
			continue
		}
		out = append(out, e)
	}
	return out
}

func containsAny(list []Expr, keys map[string]bool) bool {
	for _, e := range list {
		if keys[Text(e)] {
			return true
		}
	}
	return false
}
