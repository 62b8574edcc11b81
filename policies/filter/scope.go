package filter

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// scope is one conjunction during translation. It replaces each variable with
// a value that it equals, so that conditions contain only paths and
// constants.
type scope struct {
	*Translator
	body    ast.Body
	bound   map[ast.Var]*ast.Location // the last equality of a class
	parent  map[ast.Var]ast.Var
	equal   map[ast.Var][]side // values that the variables of a class equal
	uses    map[ast.Var]int
	indexed map[ast.Var]int           // uses as the position in one set
	named   map[ast.Var]bool          // shared elements that are treated as variables
	having  map[ast.Var]predicate.And // conditions on one element, by its variable
	all     predicate.And
	stated  []side // values that must be present, whatever the other conditions are
}

// conjunction translates expressions that must all hold.
func (t *Translator) conjunction(body ast.Body) (predicate.Expr, error) {
	s := &scope{
		Translator: t, body: body, parent: map[ast.Var]ast.Var{}, equal: map[ast.Var][]side{},
		uses: map[ast.Var]int{}, indexed: map[ast.Var]int{}, named: map[ast.Var]bool{},
		having: map[ast.Var]predicate.And{}, bound: map[ast.Var]*ast.Location{},
	}
	var rest ast.Body
	if err := s.elements(body); err != nil {
		return nil, err
	}
	for _, x := range body {
		bound, err := s.bind(x)
		if s.forgive(err, joinedTo(body, x)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !bound {
			rest = append(rest, x)
		}
	}
	if err := s.classes(); err != nil {
		return nil, err
	}
	for _, x := range rest {
		e, err := s.atom(x)
		if s.forgive(err, joinedTo(body, x)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.all = append(s.all, e)
	}
	for _, v := range slices.Sorted(maps.Keys(s.having)) {
		s.all = append(s.all, predicate.Exists{Set: s.equal[v][0].at.Ref, Where: s.having[v]})
	}
	s.state()
	return predicate.Simplify(s.all), nil
}

// find returns the representative of a variable's class.
func (s *scope) find(v ast.Var) ast.Var {
	for {
		next, ok := s.parent[v]
		if !ok || next == v {
			return v
		}
		v = next
	}
}

// bind records an equality that has a variable on one side. It returns false
// for any other expression.
func (s *scope) bind(x *ast.Expr) (bool, error) {
	if x.Negated || len(x.With) > 0 || !equality(x) {
		return false, nil
	}
	a, b := x.Operand(0), x.Operand(1)
	v, okA := s.variableOf(a)
	w, okB := s.variableOf(b)
	switch {
	case okA && okB:
		s.join(v, w)
		s.bound[s.find(v)] = x.Location
		return true, nil
	case okB:
		v, b = w, a
	case !okA:
		return false, nil
	}
	value, err := s.term(b, x.Location)
	if err != nil {
		return false, err
	}
	s.equal[s.find(v)] = append(s.equal[s.find(v)], value)
	s.bound[s.find(v)] = x.Location
	return true, nil
}

func (s *scope) join(v, w ast.Var) {
	a, b := s.find(v), s.find(w)
	if a == b {
		return
	}
	s.parent[b] = a
	s.equal[a] = append(s.equal[a], s.equal[b]...)
	delete(s.equal, b)
}

func equality(x *ast.Expr) bool {
	return (x.IsEquality() || x.IsCall() && x.Operator().String() == ast.Equal.Name) && len(x.Operands()) == 2
}

// variable returns the value that replaces a variable: a constant if there is
// one, otherwise a path, otherwise its only value.
func (s *scope) variable(v ast.Var, loc *ast.Location) (side, error) {
	var found *side
	for i, value := range s.equal[s.find(v)] {
		if value.form == absent || value.form == scalar && value.at.Ref == nil {
			return value, nil
		}
		if found == nil && value.form == scalar {
			found = &s.equal[s.find(v)][i]
		}
	}
	if values := s.equal[s.find(v)]; found == nil && len(values) == 1 {
		found = &values[0]
	}
	if found == nil {
		return side{}, s.refuse(loc, nil, "a filter cannot compare two elements of sets")
	}
	return *found, nil
}

// classes adds the conditions that all values of a class are equal and
// present.
func (s *scope) classes() error {
	for _, v := range slices.Sorted(maps.Keys(s.equal)) {
		values, loc := s.equal[v], s.bound[v]
		if len(values) == 1 && values[0].form == element {
			values[0].named = v
			s.having[v] = predicate.And{}
			continue
		}
		if len(values) == 1 {
			s.all = append(s.all, present(values[0]))
			continue
		}
		first, err := s.variable(v, loc)
		if err == nil {
			err = s.allEqual(first, values, loc)
		}
		if err != nil && !s.forgive(err, s.body) {
			return err
		}
	}
	return nil
}

func (s *scope) allEqual(first side, values []side, loc *ast.Location) error {
	for _, value := range values {
		if same(first, value) {
			continue
		}
		e, err := s.equals(first, value, loc)
		if err != nil {
			return err
		}
		s.all = append(s.all, e)
	}
	return nil
}

func same(a, b side) bool {
	return a.form == scalar && b.form == scalar && a.at.Ref != nil && slices.Equal(a.at.Ref, b.at.Ref)
}
