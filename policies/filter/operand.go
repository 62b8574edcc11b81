package filter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

type refPath = predicate.Ref

// addLate adds the open root that a reference reads, once. It leaves out the
// subject's subtree, which cannot be pinned.
func (t *Translator) addLate(list []refPath, ref ast.Ref) []refPath {
	at, ok := refPathOf(ref.ConstantPrefix())
	if !ok {
		return list
	}
	root, ok := t.lateRoot(at)
	if !ok || root.IsBelow() || input.Pinned(root, list) {
		return list
	}
	return append(list, root)
}

// form is the form of an operand of a residual.
type form uint8

const (
	scalar  form = iota + 1 // a path or a constant text, boolean or integer
	absent                  // a path that is known to hold no value
	list                    // several values
	odd                     // a constant that no column can equal: null, a fraction, an object
	set                     // a set column, or the subject's subtree
	element                 // some element of a set as above
	records                 // the subject's groups, which no column equals
)

// side is an operand in the form that a condition can hold. kind is its type,
// or 0 if the type differs between requests.
type side struct {
	form  form
	at    predicate.Operand
	kind  input.ColumnKind
	items []side
	array bool    // the list is an array
	named ast.Var // the variable that several conditions on one element share
}

// onRow reports whether the operand reads a column.
func (t *Translator) onRow(s side) bool {
	if s.at.Ref.IsElement() {
		return true
	}
	_, ok := t.column(s.at.Ref)
	return s.at.Ref != nil && ok
}

func constant(v any, kind input.ColumnKind) side {
	return side{form: scalar, at: predicate.Operand{Const: v}, kind: kind}
}

// operand reads a ground term.
func (t *Translator) operand(term *ast.Term, loc *ast.Location) (side, error) {
	switch v := term.Value.(type) {
	case ast.String:
		return constant(string(v), input.Text), nil
	case ast.Boolean:
		return constant(bool(v), input.Boolean), nil
	case ast.Number:
		return number(json.Number(v)), nil
	case ast.Null:
		return side{form: odd}, nil
	case ast.Ref:
		return t.reference(v, loc)
	case *ast.Array, ast.Set, ast.Object:
		return t.collection(v, loc)
	case ast.Call:
		return side{}, t.refuse(loc, term, "%s on the row: a filter cannot carry it", v[0])
	case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
		return side{}, t.refuse(loc, term, "comprehension over the row")
	default:
		return side{}, t.refuse(loc, term, "%s cannot be carried into a filter", term)
	}
}

func (t *Translator) refuse(loc *ast.Location, x any, format string, args ...any) error {
	r := &Refusal{Message: fmt.Sprintf(format, args...), Loc: loc}
	if x != nil {
		r.Late = t.lateIn(x)
	}
	return r
}

// number reads a number. It returns an integer constant if the value fits 64
// bits, whatever its notation. It returns form odd, which no column can
// equal, otherwise.
func number(n json.Number) side {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return constant(i, input.Integer)
	}
	if i, ok := wholeNumber(n); ok {
		return constant(i, input.Integer)
	}
	return side{form: odd, kind: input.Integer}
}

func wholeNumber(n json.Number) (int64, bool) {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || f < -1<<53 || f > 1<<53 {
		return 0, false
	}
	i := int64(f)
	return i, predicate.Equal(n, i)
}

// reference reads a path below input.
func (t *Translator) reference(ref ast.Ref, loc *ast.Location) (side, error) {
	if !ref.HasPrefix(ast.InputRootRef) {
		return side{}, t.refuse(loc, ref, "%s cannot be carried into a filter", ref)
	}
	at, ok := refPathOf(ref)
	if !ok {
		return t.partOf(ref, loc)
	}
	if kind, ok := t.column(at); ok {
		return t.columnSide(at, kind, loc)
	}
	if at.IsBelow() {
		if !t.trial && t.Known["subject"].(map[string]any)["account"] == nil {
			return side{form: absent}, nil
		}
		return side{form: set, at: predicate.Operand{Ref: at}, kind: input.Text}, nil
	}
	if root, ok := t.lateRoot(at); ok && slices.Equal(root, input.GroupsRef) && len(at) == len(root) {
		return side{form: records, at: predicate.Operand{Ref: at}}, nil
	} else if ok {
		return side{form: scalar, at: predicate.Operand{Ref: at}, kind: t.lateKind(at)}, nil
	}
	if t.holdsLate(at) || t.Columns != nil && len(at) == 1 && at[0] == "resource" {
		return side{}, t.refuse(loc, ref, "%s as a whole cannot be carried into a filter", ref)
	}
	if len(at) > 2 && t.Columns != nil && at[0] == "resource" && at[1] != "properties" {
		return side{}, t.refuse(loc, nil, "%s: a column has no parts", ref)
	}
	return t.knownSide(at, ref, loc)
}

func (t *Translator) columnSide(at predicate.Ref, kind input.ColumnKind, loc *ast.Location) (side, error) {
	operand := predicate.Operand{Ref: at}
	switch kind {
	case input.Opaque:
		return side{}, t.refuse(loc, nil, "input.%s cannot be read by a filter", at)
	case input.Set:
		return side{form: set, at: operand, kind: input.Text}, nil
	default:
		return side{form: scalar, at: operand, kind: kind}, nil
	}
}

// partOf reads a reference that contains variables, as some element of a set.
func (t *Translator) partOf(ref ast.Ref, loc *ast.Location) (side, error) {
	last := ref[len(ref)-1]
	if _, isVar := last.Value.(ast.Var); isVar {
		whole, err := t.reference(ref[:len(ref)-1], loc)
		if err != nil {
			return side{}, err
		}
		if whole.form == set {
			whole.form = element
			return whole, nil
		}
	}
	return side{}, t.refuse(loc, ref, "%s[…]: neither key nor position can be carried into a filter", ref[:len(ref)-1])
}

// knownSide reads a path whose value is in the known part of the input.
func (t *Translator) knownSide(at predicate.Ref, ref ast.Ref, loc *ast.Location) (side, error) {
	v, ok := input.Walk(t.Known, at)
	if !ok {
		return side{form: absent}, nil
	}
	value, err := ast.InterfaceToValue(v)
	if err != nil {
		return side{}, t.refuse(loc, ref, "%s: %v", ref, err)
	}
	return t.operand(ast.NewTerm(value), loc)
}

// collection reads an array, a set, or the values of an object.
func (t *Translator) collection(v ast.Value, loc *ast.Location) (side, error) {
	var terms []*ast.Term
	add := func(term *ast.Term) { terms = append(terms, term) }
	switch v := v.(type) {
	case *ast.Array:
		v.Foreach(add)
	case ast.Set:
		v.Foreach(add)
	case ast.Object:
		v.Foreach(func(_, value *ast.Term) { add(value) })
	}
	_, array := v.(*ast.Array)
	out := side{form: list, array: array}
	for _, term := range terms {
		item, err := t.operand(term, loc)
		if err != nil {
			return side{}, err
		}
		out.items = append(out.items, item)
	}
	return out, nil
}

// present returns the condition that an operand has a value.
func present(s side) predicate.Expr {
	switch {
	case s.form == absent:
		return predicate.False{}
	case s.form == set || s.form == records: // always present, even if it is empty
		return predicate.True{}
	case s.form == list:
		var all predicate.And
		for _, item := range s.items {
			all = append(all, present(item))
		}
		return all
	case s.at.Ref == nil:
		return predicate.True{}
	case s.kind == input.Text || s.kind == input.Integer:
		return predicate.Defined{Ref: s.at.Ref}
	default:
		return predicate.Or{
			predicate.Defined{Ref: s.at.Ref},
			predicate.Compare{Op: predicate.Eq, Left: s.at, Right: predicate.Operand{Const: false}},
		}
	}
}

// Needs lists the types that values of a request must have for a plan to
// apply. A request with another type gets a full evaluation.
type Needs struct{ List []Need }

// Need is the type that one value of the request must have.
type Need struct {
	Ref  predicate.Ref
	Kind input.ColumnKind
}

func (n *Needs) add(ref predicate.Ref, kind input.ColumnKind) {
	if !slices.ContainsFunc(n.List, func(x Need) bool { return x.Kind == kind && slices.Equal(x.Ref, ref) }) {
		n.List = append(n.List, Need{ref, kind})
	}
}

func (n *Needs) len() int { return len(n.List) }

func (n *Needs) truncate(size int) { n.List = n.List[:size] }
