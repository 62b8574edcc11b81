package filter

import (
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// Refusal describes the part of a residual that a filter cannot express. Late
// lists request values: if they were pinned, the residual might translate.
type Refusal struct {
	Message string
	Loc     *ast.Location
	Late    []predicate.Ref
}

// Error returns the place and the message.
func (r *Refusal) Error() string {
	if r.Loc != nil && r.Loc.File != "" {
		return fmt.Sprintf("%s:%d: %s", r.Loc.File, r.Loc.Row, r.Message)
	}
	return r.Message
}

// Translator turns the residual of one question into conditions. It refuses
// everything that it does not know.
type Translator struct {
	*Frame
	Tree    *Tree
	Support map[string][]*ast.Rule
	Modules []*ast.Module
	Guards  *Guards
	Needs   *Needs
	// Refused collects the parts that no filter can express for any subject, in a
	// translation of a trial frame. Such a translation goes on after a refusal.
	Refused []*Refusal
	// Lost collects, if Lossy is set, the alternatives that no filter can express. They
	// let no row pass. Nothing is lost inside a negation, where it would let rows pass.
	Lossy   bool
	Lost    []*Refusal
	negated int // how many negations contain the current part
	depth   int
}

// lose reports whether a condition can do without an alternative that err refused.
func (t *Translator) lose(err error) bool {
	var r *Refusal
	if !t.Lossy || t.negated > 0 || !errors.As(err, &r) {
		return false
	}
	t.Lost = append(t.Lost, r)
	return true
}

// forgive reports whether a trial goes on after err, which body caused. It records the
// refusal, unless body could translate for a subject whose values are known.
func (t *Translator) forgive(err error, body ast.Body) bool {
	var r *Refusal
	if !t.trial || !errors.As(err, &r) {
		return false
	}
	if len(r.Late) == 0 && !t.readsOpened(body) {
		t.Refused = append(t.Refused, r)
	}
	return true
}

// maxNesting limits how deeply conditions may refer to further conditions.
const maxNesting = 32

// Answer is one answer to a question and the condition on which it applies.
type Answer struct {
	Value string
	When  predicate.Expr
}

// Condition translates a question that asks whether a condition holds.
func (t *Translator) Condition(queries []ast.Body) (predicate.Filter, error) {
	var any predicate.Or
	for _, body := range queries {
		before := t.Needs.len()
		e, err := t.body(body)
		if t.lose(err) {
			t.Needs.truncate(before)
			continue
		}
		if t.forgive(err, body) {
			continue
		}
		if err != nil {
			return predicate.Filter{}, err
		}
		any = append(any, e)
	}
	return t.Filter(any)
}

// Answers translates a question whose answers are texts, sorted by answer.
func (t *Translator) Answers(queries []ast.Body) ([]Answer, error) {
	conditions := map[string]predicate.Or{}
	for _, body := range queries {
		found, err := t.answer(body)
		if t.forgive(err, body) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			conditions[a.Value] = append(conditions[a.Value], a.When)
		}
	}
	var out []Answer
	for value, any := range conditions {
		out = append(out, Answer{value, any})
	}
	slices.SortFunc(out, func(a, b Answer) int { return compareText(a.Value, b.Value) })
	return out, nil
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// Filter simplifies a condition. It refuses a condition with too many
// alternatives.
func (t *Translator) Filter(e predicate.Expr) (predicate.Filter, error) {
	f := predicate.Of(e)
	if n := width(f.Where); n > t.Tree.MaxDisjuncts && !t.trial {
		return predicate.Filter{}, &Refusal{
			Message: fmt.Sprintf("%d alternatives, a filter holds at most %d", n, t.Tree.MaxDisjuncts)}
	}
	return f, nil
}

// width returns the largest number of alternatives or elements in a condition.
func width(e predicate.Expr) int {
	n := 0
	switch e := e.(type) {
	case predicate.And:
		for _, x := range e {
			n = max(n, width(x))
		}
	case predicate.Or:
		n = len(e)
		for _, x := range e {
			n = max(n, width(x))
		}
	case predicate.Not:
		n = width(e.X)
	}
	return n
}

// answer removes the binding of the answer from one alternative and translates
// the rest.
func (t *Translator) answer(body ast.Body) ([]Answer, error) {
	var rest ast.Body
	var value *ast.Term
	for _, x := range body {
		if bound := boundAnswer(x); bound != nil && value == nil {
			value = bound
			continue
		}
		rest = append(rest, x)
	}
	if value == nil || usesVar(rest, ResultVar) {
		return nil, &Refusal{Message: "the answer depends on the row"}
	}
	when, err := t.body(rest)
	if err != nil {
		return nil, err
	}
	if text, ok := value.Value.(ast.String); ok {
		return []Answer{{string(text), when}}, nil
	}
	return t.supportAnswers(value, when)
}

// supportAnswers translates an answer that is the value of another rule.
func (t *Translator) supportAnswers(value *ast.Term, when predicate.Expr) ([]Answer, error) {
	ref, ok := value.Value.(ast.Ref)
	if !ok || !ref.HasPrefix(ast.DefaultRootRef) {
		return nil, &Refusal{Message: "the answer depends on the row: " + value.String()}
	}
	cases, err := t.cases(ref)
	if err != nil {
		return nil, err
	}
	var out []Answer
	for _, c := range cases {
		text, ok := c.value.Value.(ast.String)
		if !ok {
			return nil, &Refusal{Message: fmt.Sprintf("the answer %s is no text", c.value)}
		}
		out = append(out, Answer{string(text), predicate.And{when, c.when}})
	}
	return out, nil
}

// boundAnswer returns the term that an expression binds the answer to, or nil.
func boundAnswer(x *ast.Expr) *ast.Term {
	if x.Negated || len(x.With) > 0 || !x.IsEquality() {
		return nil
	}
	a, b := x.Operand(0), x.Operand(1)
	switch {
	case a.Value.Compare(ResultVar) == 0:
		return b
	case b.Value.Compare(ResultVar) == 0:
		return a
	default:
		return nil
	}
}

func usesVar(body ast.Body, v ast.Var) bool {
	found := false
	for _, x := range body {
		ast.WalkVars(x, func(y ast.Var) bool {
			found = found || y == v
			return found
		})
	}
	return found
}

// body translates a conjunction. Expressions that read the row must translate.
// If the other expressions do not translate, they become a guard.
func (t *Translator) body(body ast.Body) (predicate.Expr, error) {
	t.depth++
	defer func() { t.depth-- }()
	if t.depth > maxNesting {
		return nil, &Refusal{Message: "conditions are nested too deeply"}
	}
	row, free := t.split(body)
	onRow, err := t.conjunction(row)
	if err != nil {
		return nil, err
	}
	before := t.Needs.len()
	other, err := t.conjunction(free)
	if err != nil {
		t.Needs.truncate(before)
		if other, err = t.guard(free, err); err != nil {
			return nil, err
		}
	}
	return predicate.Simplify(predicate.And{onRow, other}), nil
}
