package storetest

import (
	"flag"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
)

// waiting is how many tests run at once for each processor: most of their time
// they wait for a disk or for a database.
const waiting = 3

// Main runs the tests of a package that opens many stores, and returns the code to
// exit with. It collects garbage as seldom as the server does.
func Main(m *testing.M) int {
	flag.Parse()
	if set := flag.Lookup("test.parallel"); set.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		if err := set.Value.Set(strconv.Itoa(waiting * runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	debug.SetGCPercent(400)
	return m.Run()
}
