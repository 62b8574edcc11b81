package server

import (
	"runtime/debug"
	"testing"
)

// Imports lower the garbage collector's percentage unless it is lower already,
// and restore it afterwards. The test is not parallel, because the process has
// only one percentage.
func TestImportsCollectGarbageEarlyUnlessTheOperatorSaysHow(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	for name, c := range map[string]struct {
		saving       *frugality
		usual, while int
	}{
		"as the server sets it": {&frugality{}, 400, thriftyPercent},
		"lower already":         {&frugality{}, 50, 50},
		"as GOGC sets it":       {nil, 400, 400},
	} {
		debug.SetGCPercent(c.usual)
		leave := [2]func(){c.saving.during(), c.saving.during()}
		leave[0]()
		if got := percent(); got != c.while {
			t.Errorf("%s: %d during an import, want %d", name, got, c.while)
		}
		leave[1]()
		if got := percent(); got != c.usual {
			t.Errorf("%s: %d after it, want %d", name, got, c.usual)
		}
	}
}
