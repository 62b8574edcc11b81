// Package parameter finds the parts of a filter that depend on the request, and reads
// their values. A renderer of SQL binds the values. The text that it makes depends on
// the classes of the values alone, so it can be cached.
package parameter

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"resellerd/policies/predicate"
)

// Set holds the parts of one source of predicates (a plan with its Env) that depend on
// the request: values that are compared with columns, and conditions that refer to no
// column.
type Set struct {
	refs  []predicate.Ref
	index map[string]int // positions in refs, from 1, by text
	atoms []predicate.Expr
}

// The values that a condition on a subtree needs.
var (
	SubjectAccount = predicate.Ref{"subject", "account", "id"}
	SubjectTenant  = predicate.Ref{"subject", "account", "tenant_id"}
	ViewerAccount  = predicate.Ref{predicate.Viewer, "account", "id"}
)

// New returns an empty set.
func New() *Set { return &Set{index: map[string]int{}} }

// Add adds a value.
func (p *Set) Add(r predicate.Ref) {
	if key := r.String(); p.index[key] == 0 {
		p.refs = append(p.refs, r)
		p.index[key] = len(p.refs)
	}
}

// Index returns the position of a path among the values, or -1.
func (p *Set) Index(r predicate.Ref) int { return p.index[r.String()] - 1 }

// Classes returns the number of classes that Values appends.
func (p *Set) Classes() int { return len(p.refs) + len(p.atoms) + 1 }

// Collect records the parts of e that depend on the request. Decide must visit them
// in the same order.
func (p *Set) Collect(e predicate.Expr) {
	switch e := e.(type) {
	case predicate.And:
		for _, x := range e {
			p.Collect(x)
		}
	case predicate.Or:
		for _, x := range e {
			p.Collect(x)
		}
	case predicate.Not:
		p.Collect(e.X)
	default:
		if touchesRow(e) {
			p.collectValues(e)
		} else if !constant(e) {
			p.atoms = append(p.atoms, e)
		}
	}
}

func (p *Set) collectValues(e predicate.Expr) {
	for _, o := range predicate.Operands(e) {
		if o.Ref.IsBelow() {
			p.Add(SubjectAccount)
			p.Add(SubjectTenant)
		} else if o.Ref.IsViewerBelow() {
			p.Add(ViewerAccount)
		} else if _, column := o.Ref.Column(); o.Ref != nil && !column {
			p.Add(o.Ref)
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
	Absent   = '-'
	Text     = 's'
	Boolean  = 'b'
	Integer  = 'i'
	Fraction = 'f' // the bound value is its floor
	Above    = '>' // beyond every int64
	Under    = '<'
	Other    = 'o' // equal to no column's value
	True     = 't' // a condition that holds; False: one that does not
	False    = 'n'
	Master   = 'm' // the last class: the subject's account is the root of its tenant
)

// Values reads every parameter from env. It appends the classes to dst: one byte
// for each ref, one for each condition, and one for the subject.
func (p *Set) Values(env predicate.Env, dst []byte) (classes []byte, values []any) {
	if env == nil {
		env = noEnv{}
	}
	values = make([]any, len(p.refs))
	for i, ref := range p.refs {
		class, value := byte(Absent), any(nil)
		if v, ok := env.Lookup(ref); ok {
			class, value = Classify(v)
		}
		dst, values[i] = append(dst, class), value
	}
	for _, atom := range p.atoms {
		class := byte(False)
		if (predicate.Filter{Kind: predicate.Where, Where: atom}).Eval(env) {
			class = True
		}
		dst = append(dst, class)
	}
	if p.master(values) {
		return append(dst, Master), values
	}
	return append(dst, Other), values
}

// master reports whether the subject's account is the root of its tenant.
func (p *Set) master(values []any) bool {
	account, tenant := p.index[SubjectAccount.String()], p.index[SubjectTenant.String()]
	return account > 0 && tenant > 0 && values[account-1] != nil && values[account-1] == values[tenant-1]
}

// Decide replaces each condition that refers to no column with its truth value in
// this request. next counts these conditions across calls, in the order of Collect.
func (p *Set) Decide(e predicate.Expr, classes string, next *int) predicate.Expr {
	switch e := e.(type) {
	case predicate.And:
		out := make(predicate.And, len(e))
		for i, x := range e {
			out[i] = p.Decide(x, classes, next)
		}
		return out
	case predicate.Or:
		out := make(predicate.Or, len(e))
		for i, x := range e {
			out[i] = p.Decide(x, classes, next)
		}
		return out
	case predicate.Not:
		return predicate.Not{X: p.Decide(e.X, classes, next)}
	}
	if constant(e) || touchesRow(e) {
		return e
	}
	class := classes[len(p.refs)+*next]
	*next++
	if class == True {
		return predicate.True{}
	}
	return predicate.False{}
}

// Classify returns the class of a value, and the value to bind.
func Classify(v any) (class byte, bound any) {
	switch v := v.(type) {
	case nil:
		return Absent, nil
	case string:
		return Text, v
	case bool:
		return Boolean, v
	case int64:
		return Integer, v
	case int:
		return Integer, int64(v)
	case int32:
		return Integer, int64(v)
	case float64:
		return classifyNumber(strconv.FormatFloat(v, 'g', -1, 64))
	case json.Number:
		return classifyNumber(string(v))
	}
	return Other, nil
}

func classifyNumber(text string) (class byte, bound any) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Integer, i
	}
	// A number too large for a float is beyond every int64, so it is never expanded.
	switch f, err := strconv.ParseFloat(text, 64); {
	case err != nil && math.IsInf(f, 1):
		return Above, nil
	case err != nil && math.IsInf(f, -1):
		return Under, nil
	case err != nil:
		return Other, nil
	case math.Abs(f) < 1e-300 && f != 0, f == 0 && strings.ContainsAny(mantissa(text), "123456789"):
		return Fraction, tinyFloor(text)
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		return Other, nil
	}
	if number.Cmp(new(big.Rat).SetInt64(math.MaxInt64)) > 0 {
		return Above, nil
	}
	if number.Cmp(new(big.Rat).SetInt64(math.MinInt64)) < 0 {
		return Under, nil
	}
	floor := new(big.Int).Div(number.Num(), number.Denom()) // Euclidean, so down for a positive denominator
	if number.IsInt() {
		return Integer, floor.Int64()
	}
	return Fraction, floor.Int64()
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
