package predicate

import "strings"

// Env supplies the values that a condition is evaluated on.
type Env interface {
	// Lookup returns the value at a path: a string, bool, number (int64, int,
	// float64 or json.Number), or for a set column a []string or []any. It
	// returns false when the value is absent.
	Lookup(ref Ref) (any, bool)
	// Below reports whether an account lies in the subject's subtree, which
	// includes the subject's own account.
	Below(accountID string) bool
	// Guard reports whether a condition that reads no row holds.
	Guard(id int) bool
}

// Eval reports whether a row passes. It never fails: a condition that it does
// not know does not hold.
func (f Filter) Eval(env Env) bool {
	switch f.Kind {
	case All:
		return true
	case Where:
		return f.Where != nil && eval(f.Where, env)
	default:
		return false
	}
}

func eval(e Expr, env Env) bool {
	switch e := e.(type) {
	case Compare:
		return evalCompare(e, env)
	case Member:
		return evalMember(e, env)
	case And:
		for _, x := range e {
			if !eval(x, env) {
				return false
			}
		}
		return true
	case Or:
		for _, x := range e {
			if eval(x, env) {
				return true
			}
		}
		return false
	case Not:
		return e.X != nil && !eval(e.X, env)
	case Defined:
		v, ok := env.Lookup(e.Ref)
		return ok && v != nil && v != any(false)
	case Match:
		return evalMatch(e, env)
	case Exists:
		return evalExists(e, env)
	case Guard:
		return env.Guard(e.ID)
	case True:
		return true
	default:
		return false
	}
}

// value returns the value of a scalar operand.
func value(o Operand, env Env) (any, bool) {
	if o.Ref == nil {
		return o.Const, o.Const != nil
	}
	v, ok := env.Lookup(o.Ref)
	return v, ok && v != nil
}

func evalCompare(c Compare, env Env) bool {
	left, ok := value(c.Left, env)
	if !ok {
		return false
	}
	right, ok := value(c.Right, env)
	return ok && holds(c.Op, left, right)
}

func evalMember(m Member, env Env) bool {
	item, ok := value(m.Item, env)
	if !ok {
		return false
	}
	if m.Set.Ref == nil {
		return among(item, m.Set.List)
	}
	if m.Set.Ref.IsBelow() {
		id, isText := item.(string)
		return isText && env.Below(id)
	}
	set, ok := env.Lookup(m.Set.Ref)
	if !ok {
		return false
	}
	switch set := set.(type) {
	case []any:
		return among(item, set)
	case []string:
		id, isText := item.(string)
		return isText && contains(set, id)
	case func(string) bool: // ViewerBelow
		id, isText := item.(string)
		return isText && set(id)
	default:
		return false
	}
}

func evalExists(e Exists, env Env) bool {
	set, ok := env.Lookup(e.Set)
	if !ok || e.Where == nil {
		return false
	}
	list, _ := elements(set)
	inner := &elementEnv{Env: env}
	for _, inner.element = range list {
		if eval(e.Where, inner) {
			return true
		}
	}
	return false
}

// elementEnv is an Env with the element of an Exists.
type elementEnv struct {
	Env
	element any
}

// Lookup implements Env.
func (e *elementEnv) Lookup(ref Ref) (any, bool) {
	if ref.IsElement() {
		return e.element, e.element != nil
	}
	return e.Env.Lookup(ref)
}

func among(item any, list []any) bool {
	for _, x := range list {
		if Equal(item, x) {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func evalMatch(m Match, env Env) bool {
	left, ok := value(m.Text, env)
	if !ok {
		return false
	}
	right, ok := value(m.Part, env)
	if !ok {
		return false
	}
	text, isText := left.(string)
	part, isPart := right.(string)
	return isText && isPart && matches(m.Op, text, part)
}

func matches(op MatchOp, text, part string) bool {
	switch op {
	case StartsWith:
		return strings.HasPrefix(text, part)
	case EndsWith:
		return strings.HasSuffix(text, part)
	case Contains:
		return strings.Contains(text, part)
	default:
		return false
	}
}
