package filter

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// A look-up reads the tree's data by a value of the acting user:
//
//	data.resellers[input.subject.account.id].plan
//
// With the user unknown, partial evaluation would enumerate all entries. A plan is
// therefore compiled with the value looked up. Users with equal values share a plan.
// In the rules that plans are compiled from, the look-up reads input.looked instead.

// Lookups are the look-ups of a tree. They are safe for concurrent use.
type Lookups struct {
	data map[string]any
	list []*lookup
}

// lookup is one look-up: a path in the data with constants and values of the user. If
// member is set, it asks whether the first value of the user is in the collection there.
type lookup struct {
	path     []step
	member   bool
	fallback any           // used if the data has no value; nil for none
	Rule     *ast.Rule     // the first rule that contains it
	Place    *ast.Location // and the place there
	digests  sync.Map      // the user's values -> digest of the value looked up
	elements map[any]bool  // of the collection, if member is set
}

// step is one part of a path: a constant key, or a value of the user.
type step struct {
	key string
	ref predicate.Ref
}

// String returns the look-up in the notation of policies.
func (x *lookup) String() string {
	text := "data"
	for _, s := range x.path {
		switch {
		case s.ref == nil:
			text += "." + s.key
		case x.member:
			return "input." + s.ref.String() + " in " + text
		default:
			text += "[input." + s.ref.String() + "]"
		}
	}
	return text
}

const lookedKey = "looked"

// Values returns the values looked up for an input, by number. It returns nil if the
// tree has no look-ups.
func (l *Lookups) Values(in *input.Input) map[string]any {
	if l == nil || len(l.list) == 0 {
		return nil
	}
	out := map[string]any{}
	for i, x := range l.list {
		if v, ok := x.value(l.data, in); ok {
			out[strconv.Itoa(i)] = input.PlainValue(v)
		}
	}
	return out
}

// Insert adds the values looked up to the document of an input.
func (l *Lookups) Insert(document ast.Value, in *input.Input) error {
	looked := l.Values(in)
	if looked == nil {
		return nil
	}
	value, err := ast.InterfaceToValue(looked)
	if err != nil {
		return fmt.Errorf("input looked: %w", err)
	}
	document.(ast.Object).Insert(ast.InternedTerm(lookedKey), ast.NewTerm(value))
	return nil
}

// Key identifies the values looked up for an input, as part of a plan's key.
func (l *Lookups) Key(in *input.Input) string {
	if l == nil || len(l.list) == 0 {
		return ""
	}
	var b strings.Builder
	for _, x := range l.list {
		x.digest(&b, l.data, in)
	}
	return b.String()
}

// digest appends the digest of the value looked up. It is computed once for each entry
// of the data.
func (x *lookup) digest(b *strings.Builder, data map[string]any, in *input.Input) {
	name, ok := x.name(in)
	if !ok {
		b.WriteByte('-')
		return
	}
	if known, ok := x.digests.Load(name); ok {
		b.WriteString(known.(string))
		return
	}
	v, ok := x.value(data, in)
	if !ok || x.member && v == false {
		b.WriteByte('0') // not kept: a user may have any value
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(name)
	}
	sum := sha256.Sum256(text)
	digest := "=" + string(sum[:16])
	x.digests.Store(name, digest)
	b.WriteString(digest)
}

// name returns the values of the user that a look-up reads, as one text.
func (x *lookup) name(in *input.Input) (string, bool) {
	name := ""
	for _, s := range x.path {
		if s.ref == nil {
			continue
		}
		v, ok := in.Lookup(s.ref)
		key, isText := v.(string)
		if !ok || !isText {
			return "", false
		}
		if name != "" {
			name += "\x00"
		}
		name += key
	}
	return name, true
}

// value returns the value that a look-up gives for an input.
func (x *lookup) value(data map[string]any, in *input.Input) (any, bool) {
	var at any = data
	for _, s := range x.path {
		key := s.key
		if s.ref != nil {
			v, ok := in.Lookup(s.ref)
			if !ok {
				return nil, false
			}
			if x.member {
				return x.contains(v), true
			}
			text, isText := v.(string)
			if !isText {
				return x.otherwise()
			}
			key = text
		}
		object, isObject := at.(map[string]any)
		next, ok := object[key]
		if !isObject || !ok {
			return x.otherwise()
		}
		at = next
	}
	return at, true
}

func (x *lookup) otherwise() (any, bool) { return x.fallback, x.fallback != nil }

// contains reports whether the collection of a look-up has an element.
func (x *lookup) contains(element any) bool {
	switch element.(type) {
	case string, bool:
		return x.elements[element]
	}
	return false
}

// index prepares the answers about a collection, so that no request waits for it.
func (x *lookup) index(collection any) {
	x.elements = map[any]bool{}
	add := func(v any) {
		switch v.(type) {
		case string, bool:
			x.elements[v] = true
		}
	}
	switch c := collection.(type) {
	case []any:
		for _, v := range c {
			add(v)
		}
	case map[string]any:
		for _, v := range c {
			add(v)
		}
	}
}

// Read reports whether a look-up reads a value of the user with a path for which is
// holds.
func (l *Lookups) Read(is func(predicate.Ref) bool) bool {
	return l != nil && slices.ContainsFunc(l.list, func(x *lookup) bool {
		return slices.ContainsFunc(x.path, func(s step) bool { return s.ref != nil && is(s.ref) })
	})
}

// Places lists the look-ups with their rules.
func (l *Lookups) Places() []rego.Finding {
	if l == nil {
		return nil
	}
	var out []rego.Finding
	for _, x := range l.list {
		out = append(out, rego.FindingAt(x.Place, "lookup", "rule "+rego.RulePath(x.Rule)+" looks up "+x.String()))
	}
	return out
}

// Samples calls try with values of users that are in the data: for each look-up, up to n
// keys with different values. each value has its path in the input.
func (l *Lookups) Samples(n int, try func(ref predicate.Ref, key string)) {
	if l == nil {
		return
	}
	for _, x := range l.list {
		for _, key := range x.sample(l.data, n) {
			try(x.first(), key)
		}
	}
}

func (x *lookup) first() predicate.Ref {
	for _, s := range x.path {
		if s.ref != nil {
			return s.ref
		}
	}
	return nil
}

// sample returns up to n keys at the first value of the user in the path, each with a
// value of its own.
func (x *lookup) sample(data map[string]any, n int) []string {
	var at any = data
	for _, s := range x.path {
		if s.ref != nil {
			break
		}
		object, _ := at.(map[string]any)
		at = object[s.key]
	}
	var keys []string
	seen := map[string]bool{}
	switch c := at.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(c)) {
			text := fmt.Sprint(c[key])
			if !seen[text] {
				seen[text] = true
				keys = append(keys, key)
			}
			if len(keys) == n {
				break
			}
		}
	case []any:
		for _, v := range c {
			if key, ok := v.(string); ok && len(keys) < n {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}
