// Package depth says how long tests look for faults that few cases show. The
// environment variable RESELLERD_TEST_DEPTH sets it for every test:
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

// Runs is how many random cases a test tries that tries quick of them by default.
func Runs(quick int) int { return quick * factor() }

// Long reports whether a test may take minutes to reach a number that is named
// for it.
func Long() bool { return factor() == 10 }

// Full reports whether a test tries every combination of its cases, and not
// each case in one of them.
func Full() bool { return factor() > 1 }

// FirstSeed is where the seeds of random cases begin: RESELLERD_TEST_SEED, or 1.
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
