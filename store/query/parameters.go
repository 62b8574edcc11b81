package query

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"resellerd/policies/predicate"
)

// parameters is what one source of predicates (a plan with its Env) leaves to each
// request: values that are compared with columns, and conditions that touch no
// column at all.
type parameters struct {
	refs  []predicate.Ref
	index map[string]int // of refs, by their text
	atoms []predicate.Expr
}

var (
	subjectAccount = predicate.Ref{"subject", "account", "id"}
	subjectTenant  = predicate.Ref{"subject", "account", "tenant_id"}
)

func newParameters() *parameters { return &parameters{index: map[string]int{}} }

func (p *parameters) ref(r predicate.Ref) {
	if key := r.String(); p.index[key] == 0 {
		p.refs = append(p.refs, r)
		p.index[key] = len(p.refs)
	}
}

// collect notes what e leaves to the request, in the order in which decide
// meets it again.
func (p *parameters) collect(e predicate.Expr) {
	switch e := e.(type) {
	case predicate.And:
		for _, x := range e {
			p.collect(x)
		}
	case predicate.Or:
		for _, x := range e {
			p.collect(x)
		}
	case predicate.Not:
		p.collect(e.X)
	default:
		if touchesRow(e) {
			p.collectValues(e)
		} else if !constant(e) {
			p.atoms = append(p.atoms, e)
		}
	}
}

func (p *parameters) collectValues(e predicate.Expr) {
	for _, o := range predicate.Operands(e) {
		if o.Ref.IsBelow() {
			p.ref(subjectAccount)
			p.ref(subjectTenant)
		} else if _, column := o.Ref.Column(); o.Ref != nil && !column {
			p.ref(o.Ref)
		}
	}
}

func constant(e predicate.Expr) bool {
	switch e.(type) {
	case predicate.True, predicate.False, nil:
		return true
	}
	return false
}

func touchesRow(e predicate.Expr) bool {
	for _, o := range predicate.Operands(e) {
		if _, ok := o.Ref.Column(); ok {
			return true
		}
	}
	return false
}

// The classes of parameters. What class a value has is part of a statement's
// text; the value itself is bound.
const (
	classAbsent   = '-'
	classText     = 's'
	classBoolean  = 'b'
	classInteger  = 'i'
	classFraction = 'f' // the value bound is the integer below
	classAbove    = '>' // beyond every int64
	classUnder    = '<'
	classOther    = 'o' // equal to no column
	classTrue     = 't' // of conditions
	classFalse    = 'n'
	classMaster   = 'm' // of the subject, last of all: its account is the root of its tenant
)

// values asks env for every parameter. The classes are appended to
// dst: one byte a ref, one byte a condition, and one for the subject.
func (p *parameters) values(env predicate.Env, dst []byte) (classes []byte, values []any) {
	if env == nil {
		env = noEnv{}
	}
	values = make([]any, len(p.refs))
	for i, ref := range p.refs {
		class, value := byte(classAbsent), any(nil)
		if v, ok := env.Lookup(ref); ok {
			class, value = classify(v)
		}
		dst, values[i] = append(dst, class), value
	}
	for _, atom := range p.atoms {
		class := byte(classFalse)
		if (predicate.Filter{Kind: predicate.Where, Where: atom}).Eval(env) {
			class = classTrue
		}
		dst = append(dst, class)
	}
	if p.master(values) {
		return append(dst, classMaster), values
	}
	return append(dst, classOther), values
}

// master reports that the subject's subtree is its whole tenant.
func (p *parameters) master(values []any) bool {
	account, tenant := p.index[subjectAccount.String()], p.index[subjectTenant.String()]
	return account > 0 && tenant > 0 && values[account-1] != nil && values[account-1] == values[tenant-1]
}

// decide replaces the conditions that touch no column by what the request
// found them to be. next counts them, across calls, in the order of collect.
func (p *parameters) decide(e predicate.Expr, classes string, next *int) predicate.Expr {
	switch e := e.(type) {
	case predicate.And:
		out := make(predicate.And, len(e))
		for i, x := range e {
			out[i] = p.decide(x, classes, next)
		}
		return out
	case predicate.Or:
		out := make(predicate.Or, len(e))
		for i, x := range e {
			out[i] = p.decide(x, classes, next)
		}
		return out
	case predicate.Not:
		return predicate.Not{X: p.decide(e.X, classes, next)}
	}
	if constant(e) || touchesRow(e) {
		return e
	}
	class := classes[len(p.refs)+*next]
	*next++
	if class == classTrue {
		return predicate.True{}
	}
	return predicate.False{}
}

// classify sorts a value by what a column can be compared with.
func classify(v any) (class byte, bound any) {
	switch v := v.(type) {
	case nil:
		return classAbsent, nil
	case string:
		return classText, v
	case bool:
		return classBoolean, v
	case int64:
		return classInteger, v
	case int:
		return classInteger, int64(v)
	case int32:
		return classInteger, int64(v)
	case float64:
		return classifyNumber(strconv.FormatFloat(v, 'g', -1, 64))
	case json.Number:
		return classifyNumber(string(v))
	}
	return classOther, nil
}

func classifyNumber(text string) (class byte, bound any) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return classInteger, i
	}
	// Numbers too large for a float are beyond every int64; none is expanded.
	switch f, err := strconv.ParseFloat(text, 64); {
	case err != nil && math.IsInf(f, 1):
		return classAbove, nil
	case err != nil && math.IsInf(f, -1):
		return classUnder, nil
	case err != nil:
		return classOther, nil
	case math.Abs(f) < 1e-300 && f != 0, f == 0 && strings.ContainsAny(mantissa(text), "123456789"):
		return classFraction, tinyFloor(text)
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		return classOther, nil
	}
	if number.Cmp(new(big.Rat).SetInt64(math.MaxInt64)) > 0 {
		return classAbove, nil
	}
	if number.Cmp(new(big.Rat).SetInt64(math.MinInt64)) < 0 {
		return classUnder, nil
	}
	floor := new(big.Int).Div(number.Num(), number.Denom()) // Euclidean, so down for a positive denominator
	if number.IsInt() {
		return classInteger, floor.Int64()
	}
	return classFraction, floor.Int64()
}

// mantissa is the number without its exponent.
func mantissa(text string) string {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		return text[:i]
	}
	return text
}

// tinyFloor is the integer below a number that is next to zero.
func tinyFloor(text string) int64 {
	if strings.HasPrefix(text, "-") {
		return -1
	}
	return 0
}

// noEnv is a request that says nothing.
type noEnv struct{}

func (noEnv) Lookup(predicate.Ref) (any, bool) { return nil, false }
func (noEnv) Below(string) bool                { return false }
func (noEnv) Guard(int) bool                   { return false }
