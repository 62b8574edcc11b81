package server

import (
	"context"
	"runtime/debug"
	"sync"
)

// turns lets so many in at a time; the others wait, whosever they are.
type turns chan struct{}

// enter waits for a turn until ctx ends. The returned function gives it back.
func (t turns) enter(ctx context.Context) (leave func(), err error) {
	select {
	case t <- struct{}{}:
		saving := thrift.begin()
		return func() { saving(); <-t }, nil
	case <-ctx.Done():
		return nil, unavailable(context.Cause(ctx))
	}
}

// thrift has garbage collected early while a large file is worked on: what is
// remembered of it stays until its end, and would let as much garbage lie
// beside it as the process else affords.
var thrift frugality

type frugality struct {
	mu    sync.Mutex
	users int
	usual int
}

const thriftyPercent = 100

func (f *frugality) begin() (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users++; f.users == 1 {
		f.usual = debug.SetGCPercent(thriftyPercent)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.users--; f.users == 0 {
			debug.SetGCPercent(f.usual)
		}
	}
}
