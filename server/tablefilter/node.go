package tablefilter

import "resellerd/policies/predicate"

// node is a condition that can be rendered exactly: a constant, all, anyOf, not,
// present, compare, columns, oneOf or match.
type node interface{}

type (
	constant bool
	all      []node
	anyOf    []node
	not      struct{ x node }
	present  struct{ column string }
	// compare holds if the column has a value in the relation op to source.
	compare struct {
		op     predicate.Op
		column string
		value  source
	}
	// columns compares two columns of one type.
	columns struct {
		op          predicate.Op
		left, right string
	}
	// oneOf holds if the column has one of the values.
	oneOf struct {
		column string
		values []source
	}
	// match compares parts of texts. Each side is a column, or else a value.
	match struct {
		op         predicate.MatchOp
		text, part side
	}
	side struct {
		column string
		value  source
	}
)

// source says where an argument comes from.
type source struct {
	kind  sourceKind
	text  string // of a constant
	index int
}

type sourceKind uint8

const (
	fromConstant sourceKind = iota + 1
	fromRequest             // a value of the request
	fromAccount             // the name of an account that the filter mentions
	fromBelow               // an account of the subtree whose name a text column can hold
	fromBelowInteger
	fromBelowUUID
	fromTenant
)

// and joins conditions.
func and(list ...node) node {
	var out all
	for _, x := range list {
		switch x := x.(type) {
		case constant:
			if !x {
				return x
			}
		case all:
			out = append(out, x...)
		default:
			out = append(out, x)
		}
	}
	switch len(out) {
	case 0:
		return constant(true)
	case 1:
		return out[0]
	}
	return out
}

func or(list ...node) node {
	var out anyOf
	for _, x := range list {
		switch x := x.(type) {
		case constant:
			if x {
				return x
			}
		case anyOf:
			out = append(out, x...)
		default:
			out = append(out, x)
		}
	}
	switch len(out) {
	case 0:
		return constant(false)
	case 1:
		return out[0]
	}
	return out
}

func negate(x node) node {
	switch x := x.(type) {
	case constant:
		return !x
	case not:
		return x.x
	}
	return not{x}
}
