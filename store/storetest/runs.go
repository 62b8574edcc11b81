package storetest

import "os"

// Runs is how many random cases a test tries: short, or long where
// RESELLERD_TEST_LONG is 1, as .ci/run --all sets it.
func Runs(short, long int) int {
	if os.Getenv("RESELLERD_TEST_LONG") == "1" {
		return long
	}
	return short
}
