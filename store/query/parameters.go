package query

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"resellerd/policies/predicate"
)

// parameters are the parts of one source of predicates (a plan with its Env) that
// depend on the request: values that are compared with columns, and conditions that
// refer to no column.
type parameters struct {
	refs  []predicate.Ref
	index map[string]int // positions in refs, from 1, by text
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

// collect records the parts of e that depend on the request. decide must visit them
// in the same order.
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

// The classes of parameters. The class of a value determines the text of a
// statement; the value itself is bound.
const (
	classAbsent   = '-'
	classText     = 's'
	classBoolean  = 'b'
	classInteger  = 'i'
	classFraction = 'f' // the bound value is its floor
	classAbove    = '>' // beyond every int64
	classUnder    = '<'
	classOther    = 'o' // equal to no column's value
	classTrue     = 't' // a condition that holds; classFalse: one that does not
	classFalse    = 'n'
	classMaster   = 'm' // the last class: the subject's account is the root of its tenant
)

// values reads every parameter from env. It appends the classes to dst: one byte
// for each ref, one for each condition, and one for the subject.
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

// master reports whether the subject's account is the root of its tenant.
func (p *parameters) master(values []any) bool {
	account, tenant := p.index[subjectAccount.String()], p.index[subjectTenant.String()]
	return account > 0 && tenant > 0 && values[account-1] != nil && values[account-1] == values[tenant-1]
}

// decide replaces each condition that refers to no column with its truth value in
// this request. next counts these conditions across calls, in the order of collect.
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

// classify returns the class of a value, and the value to bind.
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
	// A number too large for a float is beyond every int64, so it is never expanded.
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

// mantissa returns the number without its exponent.
func mantissa(text string) string {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		return text[:i]
	}
	return text
}

// tinyFloor returns the floor of a number that is close to zero, but not zero.
func tinyFloor(text string) int64 {
	if strings.HasPrefix(text, "-") {
		return -1
	}
	return 0
}

// noEnv is the Env of a request without values.
type noEnv struct{}

func (noEnv) Lookup(predicate.Ref) (any, bool) { return nil, false }
func (noEnv) Below(string) bool                { return false }
func (noEnv) Guard(int) bool                   { return false }
