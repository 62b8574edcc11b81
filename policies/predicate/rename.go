package predicate

// Rename returns e with the path of each operand replaced by to of it.
func Rename(e Expr, to func(Ref) Ref) Expr {
	operand := func(o Operand) Operand {
		if o.Ref != nil {
			o.Ref = to(o.Ref)
		}
		return o
	}
	each := func(list []Expr) []Expr {
		out := make([]Expr, len(list))
		for i, x := range list {
			out[i] = Rename(x, to)
		}
		return out
	}
	switch e := e.(type) {
	case And:
		return And(each(e))
	case Or:
		return Or(each(e))
	case Not:
		return Not{Rename(e.X, to)}
	case Compare:
		return Compare{e.Op, operand(e.Left), operand(e.Right)}
	case Member:
		return Member{operand(e.Item), operand(e.Set)}
	case Match:
		return Match{e.Op, operand(e.Text), operand(e.Part)}
	case Defined:
		return Defined{to(e.Ref)}
	case Exists:
		return Exists{to(e.Set), Rename(e.Where, to)}
	}
	return e
}
