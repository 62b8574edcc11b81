package filter

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// A reference that ends in a variable stands for some element of a set; the
// variable is the element's position. If several expressions use the same
// position, they mean the same element, and the reference is treated as a
// variable.

// elements counts the uses of variables and creates variables for the
// elements that several expressions share.
func (s *scope) elements(body ast.Body) error {
	positions := map[ast.Var]string{}
	for _, x := range body {
		ast.WalkTerms(x, func(term *ast.Term) bool {
			switch v := term.Value.(type) {
			case ast.Var:
				s.uses[v]++
			case ast.Ref:
				s.position(v, positions)
			}
			return false
		})
	}
	for _, x := range body {
		if x.Negated {
			continue
		}
		if err := s.share(x); err != nil {
			return err
		}
	}
	return nil
}

// position records that a variable is a position in a set, if it is a
// position in only one set.
func (s *scope) position(ref ast.Ref, positions map[ast.Var]string) {
	v, ok := ref[len(ref)-1].Value.(ast.Var)
	if !ok || len(ref) < 2 {
		return
	}
	set := ref[:len(ref)-1].String()
	if before, seen := positions[v]; seen && before != set {
		return // a position in two sets is refused later
	}
	positions[v] = set
	s.indexed[v]++
}

// share binds the variable of each shared element to its set.
func (s *scope) share(x *ast.Expr) error {
	var err error
	ast.WalkTerms(x, func(term *ast.Term) bool {
		ref, ok := term.Value.(ast.Ref)
		if !ok || err != nil {
			return err != nil
		}
		name, shared := s.shared(ref)
		if !shared || s.named[name] {
			return false
		}
		var value side
		if value, err = s.operand(term, x.Location); err == nil {
			s.named[name] = true
			s.equal[name] = append(s.equal[name], value)
			s.bound[name] = x.Location
		}
		return false
	})
	return err
}

// shared returns the variable that stands for an element that several
// expressions use.
func (s *scope) shared(ref ast.Ref) (ast.Var, bool) {
	if len(ref) < 2 {
		return "", false
	}
	v, ok := ref[len(ref)-1].Value.(ast.Var)
	if !ok || s.uses[v] < 2 || s.uses[v] != s.indexed[v] {
		return "", false
	}
	return ast.Var("element " + ref.String()), true
}

// variableOf returns the variable that a term is or stands for.
func (s *scope) variableOf(term *ast.Term) (ast.Var, bool) {
	switch v := term.Value.(type) {
	case ast.Var:
		return v, true
	case ast.Ref:
		name, ok := s.shared(v)
		return name, ok && s.named[name]
	default:
		return "", false
	}
}

// term reads an operand that may be a variable or contain one.
func (s *scope) term(term *ast.Term, loc *ast.Location) (side, error) {
	if v, ok := s.variableOf(term); ok {
		return s.variable(v, loc)
	}
	if ref, ok := term.Value.(ast.Ref); ok && len(ref) > 1 {
		if v, ok := ref[len(ref)-1].Value.(ast.Var); ok && s.uses[v] > 1 {
			return side{}, s.refuse(loc, ref, "%s[…]: neither key nor position can be carried into a filter", ref[:len(ref)-1])
		}
	}
	return s.operand(term, loc)
}
