package rego

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/policiestest/depth"
)

// A fewValues answers like OPA's own cache, whatever is put, pushed and popped.
func TestFewValuesAnswerLikeAnOrdinaryCache(t *testing.T) {
	t.Parallel()
	few := &fewValues{}
	for seed := range uint64(depth.Runs(200)) {
		r := rand.New(rand.NewPCG(seed, 3))
		few.reset()
		ordinary, frames := topdown.NewVirtualCache(), 0
		ref := func() ast.Ref {
			ref := ast.Ref{ast.VarTerm("data"), ast.StringTerm(fmt.Sprint("rule", r.IntN(20)))}
			for range r.IntN(3) {
				ref = append(ref, ast.InternedTerm(r.IntN(3)))
			}
			return ref
		}
		for range 200 {
			switch n := r.IntN(12); {
			case n == 0:
				few.Push()
				ordinary.Push()
				frames++
			case n == 1 && frames > 0:
				few.Pop()
				ordinary.Pop()
				frames--
			case n < 6:
				at := ref()
				if v, undefined := ordinary.Get(at); v != nil || undefined {
					continue // OPA puts a value only once
				}
				value := ast.InternedTerm(r.IntN(100))
				if r.IntN(4) == 0 {
					value = nil
				}
				few.Put(at, value)
				ordinary.Put(at, value)
				at[1] = ast.StringTerm("overwritten") // OPA uses the memory of a reference again
			default:
				at := ref()
				got, gotUndefined := few.Get(at)
				want, wantUndefined := ordinary.Get(at)
				if got != want || gotUndefined != wantUndefined {
					t.Fatalf("seed %d, %v in frame %d: %v %v, want %v %v", seed, at, frames, got, gotUndefined, want, wantUndefined)
				}
			}
		}
		if got, want := len(few.Keys()), len(ordinary.Keys()); got != want {
			t.Fatalf("seed %d: %d keys, want %d", seed, got, want)
		}
	}
}
