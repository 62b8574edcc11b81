package spill

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// TestRecordsComeInTheOrderOfTheirKeys sorts records in memory, and more than fit
// there.
func TestRecordsComeInTheOrderOfTheirKeys(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 1000, 200_000} {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		var s Sorter
		var want []string
		for i := range n {
			key, value := fmt.Sprint(r.IntN(n)), fmt.Sprintf("%07d of %s", i, bytes.Repeat([]byte("x"), r.IntN(100)))
			if err := s.Add([]byte(key), []byte(value)); err != nil {
				t.Fatal(err)
			}
			want = append(want, key+" "+value)
		}
		slices.SortFunc(want, func(a, b string) int {
			keyA, valueA, _ := bytes.Cut([]byte(a), []byte(" "))
			keyB, valueB, _ := bytes.Cut([]byte(b), []byte(" "))
			if order := bytes.Compare(keyA, keyB); order != 0 {
				return order
			}
			return bytes.Compare(valueA, valueB) // values begin with their position
		})
		next := s.Sorted()
		for i := range want {
			key, value, err := next()
			if got := string(key) + " " + string(value); err != nil || got != want[i] {
				t.Fatalf("record %d of %d: got %q, want %q: %v", i, n, got, want[i], err)
			}
		}
		for range 2 {
			if key, _, err := next(); key != nil || err != nil {
				t.Errorf("after the end: %q, %v", key, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNoFileIsLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var s Sorter
	for i := range 3 * partBytes / 1000 {
		if err := s.Add(fmt.Append(nil, i), make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); s.file == nil || err != nil || len(left) > 0 {
		t.Errorf("%v: %v", left, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
