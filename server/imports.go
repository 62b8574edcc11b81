package server

import (
	"context"
	"runtime/debug"
	"sync"
)

// maxImports is the number of files that are imported at a time. Other files
// wait on disk.
const maxImports = 4

// turns limits the imports that run at a time, in all and to one per tenant:
// imports of the same tenant would only wait for each other's transactions. The
// zero value is not ready.
type turns struct {
	all    chan struct{}
	saving *frugality // runs while a turn is taken; nil for none

	mu      sync.Mutex
	tenants map[string]*tenantTurn
}

type tenantTurn struct {
	taken chan struct{}
	users int // requests that hold it or wait for it
}

func newTurns(n int) *turns {
	return &turns{all: make(chan struct{}, n), tenants: map[string]*tenantTurn{}}
}

// enter waits for a turn of the tenant until ctx ends. The returned function
// gives the turn back.
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

// The limits for uploaded files on disk at a time, while they arrive or wait for
// their turn: per account, per tenant, and in all.
const (
	maxUploadsOfAccount = 4
	maxUploadsOfTenant  = 8
	maxUploads          = 16
)

// uploadPlaces counts the uploads that are on disk. The zero value is ready; it
// is safe for concurrent use.
type uploadPlaces struct {
	mu   sync.Mutex
	held map[place]int
}

// place names the tenant or account that an upload counts for. The zero value
// counts all uploads.
type place struct{ tenant, account string }

// reserve takes a place for a file of the account, or answers 429. The answer
// does not tell whose files take the room. The returned function gives the place
// back.
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

// thrift makes the garbage collector run earlier while a large file is imported.
// The memory that an import holds stays live until its end, and the usual
// percentage would let as much garbage pile up beside it. The percentage belongs
// to the process, so there is only one. Safe for concurrent use.
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
