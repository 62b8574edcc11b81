package store

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"resellerd/policies/predicate"
)

// late is what one source of predicates (a plan with its Env) leaves to each
// request: values that are compared with columns, and conditions that touch no
// column at all.
type late struct {
	refs  []predicate.Ref
	index map[string]int // of refs, by their text
	atoms []predicate.Expr
}

var (
	subjectAccount = predicate.Ref{"subject", "account", "id"}
	subjectTenant  = predicate.Ref{"subject", "account", "tenant_id"}
)

func newLate() *late { return &late{index: map[string]int{}} }

func (l *late) ref(r predicate.Ref) {
	if key := r.String(); l.index[key] == 0 {
		l.refs = append(l.refs, r)
		l.index[key] = len(l.refs)
	}
}

// collect notes what e leaves to the request, in the order in which settle
// meets it again.
func (l *late) collect(e predicate.Expr) {
	switch e := e.(type) {
	case predicate.And:
		for _, x := range e {
			l.collect(x)
		}
	case predicate.Or:
		for _, x := range e {
			l.collect(x)
		}
	case predicate.Not:
		l.collect(e.X)
	default:
		if touchesRow(e) {
			l.collectValues(e)
		} else if !constant(e) {
			l.atoms = append(l.atoms, e)
		}
	}
}

func (l *late) collectValues(e predicate.Expr) {
	for _, o := range predicate.Operands(e) {
		if o.Ref.IsBelow() {
			l.ref(subjectAccount)
			l.ref(subjectTenant)
		} else if _, column := o.Ref.Column(); o.Ref != nil && !column {
			l.ref(o.Ref)
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

// The classes of late values. What class a value has is part of a statement's
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

// values asks env for everything that is late. The classes are appended to
// dst: one byte a ref, one byte a condition, and one for the subject.
func (l *late) values(env predicate.Env, dst []byte) (classes []byte, values []any) {
	if env == nil {
		env = noEnv{}
	}
	values = make([]any, len(l.refs))
	for i, ref := range l.refs {
		class, value := byte(classAbsent), any(nil)
		if v, ok := env.Lookup(ref); ok {
			class, value = classify(v)
		}
		dst, values[i] = append(dst, class), value
	}
	for _, atom := range l.atoms {
		class := byte(classFalse)
		if (predicate.Filter{Kind: predicate.Where, Where: atom}).Eval(env) {
			class = classTrue
		}
		dst = append(dst, class)
	}
	if l.master(values) {
		return append(dst, classMaster), values
	}
	return append(dst, classOther), values
}

// master reports that the subject's subtree is its whole tenant.
func (l *late) master(values []any) bool {
	account, tenant := l.index[subjectAccount.String()], l.index[subjectTenant.String()]
	return account > 0 && tenant > 0 && values[account-1] != nil && values[account-1] == values[tenant-1]
}

// settle replaces the conditions that touch no column by what the request
// found them to be. next counts them, across calls, in the order of collect.
func (l *late) settle(e predicate.Expr, classes string, next *int) predicate.Expr {
	switch e := e.(type) {
	case predicate.And:
		out := make(predicate.And, len(e))
		for i, x := range e {
			out[i] = l.settle(x, classes, next)
		}
		return out
	case predicate.Or:
		out := make(predicate.Or, len(e))
		for i, x := range e {
			out[i] = l.settle(x, classes, next)
		}
		return out
	case predicate.Not:
		return predicate.Not{X: l.settle(e.X, classes, next)}
	}
	if constant(e) || touchesRow(e) {
		return e
	}
	class := classes[len(l.refs)+*next]
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
