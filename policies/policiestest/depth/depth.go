// Package depth sets how thoroughly tests search for rare faults. The environment
// variable RESELLERD_TEST_DEPTH sets it for every test:
//
//	quick  some cases of each kind, the default. The store's tests run on both
//	       databases; each test of the server runs on one
//	full   the same cases, in every combination; .ci/run
//	long   ten times as many, in every combination; .ci/run --all
package depth

import (
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"sync"
	"testing"
)

// depths are the values of RESELLERD_TEST_DEPTH.
type depths int

const (
	quick depths = iota
	full
	long
)

var named = map[string]depths{"": quick, "quick": quick, "full": full, "long": long}

var chosen = sync.OnceValue(func() depths {
	text := os.Getenv("RESELLERD_TEST_DEPTH")
	depth, ok := named[text]
	if !ok {
		panic(fmt.Sprintf("RESELLERD_TEST_DEPTH=%q: want quick, full or long", text))
	}
	return depth
})

// Runs returns the number of random cases to try. quick is the number at the depths
// "quick" and "full".
func Runs(quick int) int {
	if Long() {
		return 10 * quick
	}
	return quick
}

// Long reports whether the depth is "long": a test may then take minutes.
func Long() bool { return chosen() == long }

// Full reports whether a test tries every combination of its cases. If not, it
// tries each case in one combination.
func Full() bool { return chosen() != quick }

// OneOf skips most tests that cost much time for each case. At the depth "quick", one of n of
// them runs. Their names decide which.
func OneOf(t *testing.T, n uint64) {
	t.Helper()
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name())) // it never fails
	if !Full() && h.Sum64()>>20%n != 0 {
		t.Skipf("costs much time: one of %d such cases runs below full depth", n)
	}
}

// NeedFull skips a test below full depth, because of the time that it costs.
func NeedFull(t *testing.T) {
	t.Helper()
	if !Full() {
		t.Skip("costs much time: run at full depth")
	}
}

// FirstSeed returns the first seed of random cases: RESELLERD_TEST_SEED, or 1.
func FirstSeed() uint64 { return number("RESELLERD_TEST_SEED", 1) }

// Pairs returns the number of pairs of a row and a filter to try in each database:
// RESELLERD_TEST_PAIRS, or 10,000.
func Pairs() int { return int(number("RESELLERD_TEST_PAIRS", 10_000)) }

// Writes returns the number of writes over which memory is measured:
// RESELLERD_TEST_WRITES, or a number that depends on the depth.
func Writes() int { return int(number("RESELLERD_TEST_WRITES", uint64(Runs(300)))) }

// number returns the number in an environment variable, or otherwise without it.
func number(name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		panic(fmt.Sprintf("%s=%q: want a number", name, text))
	}
	return n
}
