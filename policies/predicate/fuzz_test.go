package predicate_test

import (
	"testing"

	"resellerd/policies/predicate"
)

// builder makes a condition and an environment from random bytes.
type builder struct{ data []byte }

func (b *builder) next() int {
	if len(b.data) == 0 {
		return 0
	}
	x := b.data[0]
	b.data = b.data[1:]
	return int(x)
}

var (
	names  = []string{"a", "b", "c"}
	consts = []any{"", "x", "xy", "%", int64(0), int64(1), true, false}
)

func (b *builder) ref() predicate.Ref { return predicate.Ref{"resource", names[b.next()%len(names)]} }

func (b *builder) operand() predicate.Operand {
	if b.next()%2 == 0 {
		return predicate.Operand{Ref: b.ref()}
	}
	return predicate.Operand{Const: consts[b.next()%len(consts)]}
}

func (b *builder) set() predicate.Operand {
	switch b.next() % 4 {
	case 0:
		return predicate.Operand{Ref: predicate.Ref{"resource", "set"}}
	case 1:
		return predicate.Operand{Ref: predicate.Below}
	default:
		list := []any{}
		for range b.next() % 4 {
			list = append(list, consts[b.next()%len(consts)])
		}
		return predicate.Operand{List: list}
	}
}

func (b *builder) expr(depth int) predicate.Expr {
	kind := b.next() % 11
	if depth == 0 {
		kind %= 6
	}
	switch kind {
	case 0:
		return predicate.Compare{Op: predicate.Op(b.next() % 8), Left: b.operand(), Right: b.operand()}
	case 1:
		return predicate.Member{Item: b.operand(), Set: b.set()}
	case 2:
		return predicate.Match{Op: predicate.MatchOp(b.next() % 5), Text: b.operand(), Part: b.operand()}
	case 3:
		return predicate.Defined{Ref: b.ref()}
	case 4:
		return predicate.Guard{ID: b.next() % 3}
	case 5:
		return []predicate.Expr{predicate.True{}, predicate.False{}}[b.next()%2]
	case 6, 7:
		list := []predicate.Expr{}
		for range b.next() % 5 {
			list = append(list, b.expr(depth-1))
		}
		if kind == 6 {
			return predicate.And(list)
		}
		return predicate.Or(list)
	case 10:
		return predicate.Exists{Set: predicate.Ref{"resource", "set"}, Where: b.ofElement()}
	default:
		return predicate.Not{X: b.expr(depth - 1)}
	}
}

// ofElement makes a condition on the element of a set.
func (b *builder) ofElement() predicate.Expr {
	element := predicate.Operand{Ref: predicate.Element}
	all := predicate.And{}
	for range b.next() % 3 {
		var e predicate.Expr = predicate.Compare{Op: predicate.Op(b.next() % 8), Left: b.operand(), Right: element}
		if b.next()%2 == 0 {
			e = predicate.Match{Op: predicate.MatchOp(b.next() % 5), Text: element, Part: b.operand()}
		}
		if b.next()%3 == 0 {
			e = predicate.Not{X: e}
		}
		all = append(all, e)
	}
	return all
}

func (b *builder) env() values {
	v := values{at: map[string]any{}, holds: map[int]bool{}}
	for _, name := range names {
		if x := b.next() % (len(consts) + 1); x < len(consts) {
			v.at["resource."+name] = consts[x]
		}
	}
	if b.next()%2 == 0 {
		v.at["resource.set"] = []string{"x", ""}
	}
	v.below = []string{"xy", "%"}[:b.next()%3]
	for id := range 3 {
		v.holds[id] = b.next()%2 == 0
	}
	return v
}

func FuzzSimplifyKeepsTheResult(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x06\x04\x00\x01\x00\x00\x01\x01\x00\x01\x00\x00\x01\x02"))
	f.Add([]byte("\x07\x03\x08\x00\x01\x00\x00\x01\x01\x00\x01\x00\x00\x01\x01\x03\x00"))
	f.Add([]byte("\x06\x02\x07\x02\x03\x00\x03\x01\x08\x07\x02\x03\x00\x03\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &builder{data}
		e := b.expr(4)
		simple := predicate.Simplify(e)
		if again := predicate.Simplify(simple); predicate.Text(again) != predicate.Text(simple) {
			t.Errorf("%s simplifies to %s and that to %s", predicate.Text(e), predicate.Text(simple), predicate.Text(again))
		}
		for i := range 16 {
			env := (&builder{append(b.data[:len(b.data):len(b.data)], byte(i), byte(3*i), byte(7*i), byte(i/2), byte(i/3), byte(i), byte(i/4), byte(i/8))}).env()
			full := predicate.Filter{Kind: predicate.Where, Where: e}.Eval(env)
			if got := predicate.Of(e).Eval(env); got != full {
				t.Fatalf("%s holds = %v, simplified to %s = %v in %v", predicate.Text(e), full, predicate.Text(simple), got, env)
			}
		}
	})
}
