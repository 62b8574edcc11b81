package server

import (
	"context"
	"runtime/debug"
	"sync"
)

// maxImports is how many files are worked on at a time; others wait, on disk.
const maxImports = 4

// turns lets so many in at a time, and of a tenant one, whose writers would
// only wait for one another. The zero value is not ready.
type turns struct {
	all    chan struct{}
	saving *frugality // while a turn is taken; nil for nothing

	mu      sync.Mutex
	tenants map[string]*tenantTurn
}

type tenantTurn struct {
	taken chan struct{}
	users int // who has it or waits for it
}

func newTurns(n int) *turns {
	return &turns{all: make(chan struct{}, n), tenants: map[string]*tenantTurn{}}
}

// enter waits for a turn of the tenant until ctx ends. The returned function
// gives it back.
func (t *turns) enter(ctx context.Context, tenant string) (leave func(), err error) {
	own := t.join(tenant)
	for _, turn := range []chan struct{}{own.taken, t.all} {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			if turn == t.all {
				<-own.taken
			}
			t.part(tenant)
			return nil, unavailable(context.Cause(ctx))
		}
	}
	if t.saving != nil {
		t.saving.begin()
	}
	return func() {
		if t.saving != nil {
			t.saving.end()
		}
		<-t.all
		<-own.taken
		t.part(tenant)
	}, nil
}

func (t *turns) join(tenant string) *tenantTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.tenants[tenant]
	if own == nil {
		own = &tenantTurn{taken: make(chan struct{}, 1)}
		t.tenants[tenant] = own
	}
	own.users++
	return own
}

func (t *turns) part(tenant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tenants[tenant].users--; t.tenants[tenant].users == 0 {
		delete(t.tenants, tenant)
	}
}

// How many uploaded files there may be on disk at a time, on their way or
// waiting for their turn: of an account, of a tenant, and in all.
const (
	maxUploadsOfAccount = 4
	maxUploadsOfTenant  = 8
	maxUploads          = 16
)

// uploadPlaces are the room for uploads. The zero value is ready; safe for concurrent
// use.
type uploadPlaces struct {
	mu   sync.Mutex
	held map[place]int
}

// place is whose room it is; the zero value is all of it.
type place struct{ tenant, account string }

// reserve takes a place for a file of the account, or answers 429: the same,
// whosever files are in the way. The returned function gives it back.
func (p *uploadPlaces) reserve(tenant, account string) (leave func(), err error) {
	limits := map[place]int{{}: maxUploads, {tenant: tenant}: maxUploadsOfTenant, {tenant, account}: maxUploadsOfAccount}
	p.mu.Lock()
	defer p.mu.Unlock()
	for of, limit := range limits {
		if p.held[of] >= limit {
			return nil, &problem{kind: kindBusy, detail: "Too many files are being imported. Try again later."}
		}
	}
	if p.held == nil {
		p.held = map[place]int{}
	}
	for of := range limits {
		p.held[of]++
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for of := range limits {
			if p.held[of]--; p.held[of] == 0 {
				delete(p.held, of)
			}
		}
	}, nil
}

// thrift has garbage collected early while a large file is worked on: what is
// remembered of it stays until its end, and would let as much garbage lie
// beside it as the process else affords. The percentage is the process's, so
// there is one of it. Safe for concurrent use.
var thrift frugality

type frugality struct {
	mu    sync.Mutex
	users int
	usual int
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
