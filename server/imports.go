package server

import (
	"runtime/debug"
	"sync"
)

// thrift makes the garbage collector run earlier during imports and other jobs that
// are no streams. The memory that such work holds stays live until its end, and the usual
// percentage would let as much garbage pile up beside it. The percentage belongs
// to the process, so there is only one. Safe for concurrent use.
var thrift frugality

type frugality struct {
	mu    sync.Mutex
	users int
	usual int
}

// during saves memory until end is called. A nil frugality saves none.
func (f *frugality) during() (end func()) {
	if f == nil {
		return func() {}
	}
	f.begin()
	return f.end
}

const thriftyPercent = 100

func (f *frugality) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users++; f.users > 1 {
		return
	}
	if f.usual = debug.SetGCPercent(thriftyPercent); f.usual >= 0 && f.usual < thriftyPercent {
		debug.SetGCPercent(f.usual)
	}
}

func (f *frugality) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 {
		debug.SetGCPercent(f.usual)
	}
}
