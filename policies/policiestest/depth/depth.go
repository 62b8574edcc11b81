// Package depth sets how thoroughly tests search for rare faults. The environment
// variable RESELLERD_TEST_DEPTH sets it for every test:
//
//	quick  some cases of each kind, the default. The store's tests run on both
//	       databases; each test of the server runs on one
//	full   three times as many, and every combination; .ci/run
//	long   ten times as many as quick; .ci/run --all
package depth

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

var factor = sync.OnceValue(func() int {
	switch text := os.Getenv("RESELLERD_TEST_DEPTH"); text {
	case "", "quick":
		return 1
	case "full":
		return 3
	case "long":
		return 10
	default:
		panic(fmt.Sprintf("RESELLERD_TEST_DEPTH=%q: want quick, full or long", text))
	}
})

// Runs returns the number of random cases to try. quick is the number at depth
// "quick".
func Runs(quick int) int { return quick * factor() }

// Long reports whether the depth is "long": a test may then take minutes.
func Long() bool { return factor() == 10 }

// Full reports whether a test tries every combination of its cases. If not, it
// tries each case in one combination.
func Full() bool { return factor() > 1 }

// FirstSeed returns the first seed of random cases: RESELLERD_TEST_SEED, or 1.
func FirstSeed() uint64 {
	text := os.Getenv("RESELLERD_TEST_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("RESELLERD_TEST_SEED=%q: want a number", text))
	}
	return seed
}
