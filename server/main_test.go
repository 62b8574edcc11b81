package server

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"testing"
)

// TestMain runs the tests. After all of them, each rule of beyondSchemas must have excused a refusal: one that excuses
// nothing may hide a fault of the document.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // hundreds of small worlds: a tenth of the time was spent on their garbage
	}
	code := m.Run()
	whole := true
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		whole = whole && flag.Lookup(name).Value.String() == ""
	}
	if code == 0 && whole && !testing.Short() {
		for _, rule := range beyondSchemas {
			if !rule.used.Load() {
				fmt.Fprintf(os.Stderr, "no request needs the rule of beyondSchemas for %q at %q\n", rule.detail, rule.of)
				code = 1
			}
		}
	}
	os.Exit(code)
}
