package predicate

import (
	"cmp"
	"encoding/json"
	"math/big"
	"strconv"
)

// Equal reports whether two values are the same to a policy: they have the
// same type and the same value, and numbers compare exactly. Lists and
// objects are compared element by element.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case nil:
		return b == nil
	case []any, []string:
		return equalLists(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && equalObjects(a, b)
	}
	order, ok := compareNumbers(a, b)
	return ok && order == 0
}

func equalLists(a, b any) bool {
	x, okX := elements(a)
	y, okY := elements(b)
	if !okX || !okY || len(x) != len(y) {
		return false
	}
	for i := range x {
		if !Equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

func elements(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []string:
		out := make([]any, len(v))
		for i, s := range v {
			out[i] = s
		}
		return out, true
	default:
		return nil, false
	}
}

func equalObjects(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, x := range a {
		y, ok := b[k]
		if !ok || !Equal(x, y) {
			return false
		}
	}
	return true
}

func holds(op Op, left, right any) bool {
	switch op {
	case Eq:
		return Equal(left, right)
	case Ne:
		return !Equal(left, right)
	}
	order, ok := compareOrdered(left, right)
	if !ok {
		return false
	}
	switch op {
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	default:
		return false
	}
}

// compareOrdered compares two texts bytewise or two numbers exactly. It
// returns false for any other pair.
func compareOrdered(a, b any) (int, bool) {
	if x, ok := a.(string); ok {
		y, ok := b.(string)
		return cmp.Compare(x, y), ok
	}
	return compareNumbers(a, b)
}

func compareNumbers(a, b any) (int, bool) {
	x, okX := integer(a)
	y, okY := integer(b)
	if okX && okY {
		return cmp.Compare(x, y), true
	}
	p, okP := rational(a)
	q, okQ := rational(b)
	if okP && okQ {
		return p.Cmp(q), true
	}
	return 0, false
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case json.Number:
		i, err := strconv.ParseInt(string(v), 10, 64)
		return i, err == nil
	default:
		return 0, false
	}
}

func rational(v any) (*big.Rat, bool) {
	if i, ok := integer(v); ok {
		return new(big.Rat).SetInt64(i), true
	}
	switch v := v.(type) {
	case float64:
		// OPA reads a float as its shortest decimal text.
		return new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64))
	case json.Number:
		return new(big.Rat).SetString(string(v))
	default:
		return nil, false
	}
}
