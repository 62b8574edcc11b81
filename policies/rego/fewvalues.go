package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// fewValues is a topdown.VirtualCache for an evaluation that computes few rules. It
// compares references one by one, and uses its memory again after reset. The zero value
// is ready to use.
type fewValues struct {
	kept  []keptValue
	terms []*ast.Term // of the references of kept
	more  topdown.VirtualCache
	depth int // the number of frames above the first
	deep  topdown.VirtualCache
}

// keptValue is the value of a rule; nil if the rule is undefined.
type keptValue struct {
	from, to int // the reference, in terms
	value    *ast.Term
}

// maxFew is how many values are compared one by one. An ordinary cache has the others,
// and those of frames above the first.
const maxFew = 16

// reset drops all values.
func (f *fewValues) reset() {
	clear(f.kept)
	clear(f.terms)
	f.kept, f.terms = f.kept[:0], f.terms[:0]
	f.more, f.depth, f.deep = nil, 0, nil
}

// at returns the place of a reference in the first frame, or nil.
func (f *fewValues) at(ref ast.Ref) *keptValue {
	for i := range f.kept {
		if k := &f.kept[i]; slices.EqualFunc(ref, f.terms[k.from:k.to], (*ast.Term).Equal) {
			return k
		}
	}
	return nil
}

// Get is part of topdown.VirtualCache.
func (f *fewValues) Get(ref ast.Ref) (value *ast.Term, undefined bool) {
	if f.depth > 0 {
		return f.deep.Get(ref)
	}
	if k := f.at(ref); k != nil {
		return k.value, k.value == nil
	}
	if f.more != nil {
		return f.more.Get(ref)
	}
	return nil, false
}

// Put is part of topdown.VirtualCache.
func (f *fewValues) Put(ref ast.Ref, value *ast.Term) {
	if f.depth > 0 {
		f.deep.Put(ref, value)
		return
	}
	if k := f.at(ref); k != nil {
		k.value = value
		return
	}
	if len(f.kept) < maxFew {
		from := len(f.terms)
		f.terms = append(f.terms, ref...)
		f.kept = append(f.kept, keptValue{from, len(f.terms), value})
		return
	}
	if f.more == nil {
		f.more = topdown.NewVirtualCache()
	}
	f.more.Put(ref, value)
}

// Push is part of topdown.VirtualCache.
func (f *fewValues) Push() {
	if f.deep == nil {
		f.deep = topdown.NewVirtualCache()
	}
	f.deep.Push()
	f.depth++
}

// Pop is part of topdown.VirtualCache.
func (f *fewValues) Pop() {
	f.deep.Pop()
	f.depth--
}

// Keys is part of topdown.VirtualCache.
func (f *fewValues) Keys() (keys []ast.Ref) {
	if f.depth > 0 {
		return f.deep.Keys()
	}
	for _, k := range f.kept {
		if k.value != nil {
			keys = append(keys, slices.Clone(ast.Ref(f.terms[k.from:k.to])))
		}
	}
	if f.more != nil {
		keys = append(keys, f.more.Keys()...)
	}
	return keys
}
