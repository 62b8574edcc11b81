package store

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// turns lets one writer at a time, first come, first served. A pool of connections
// would give the connection to any of those that wait. Nil lets everyone.
type turns struct {
	one     *semaphore.Weighted
	staging *semaphore.Weighted // those that stage rates wait here, so that a writer waits for one of them at most
	waits   atomic.Int64        // how many had to wait
	holder  atomic.Int64        // the work of the writer, a dialect.Work
}

func newTurns() *turns {
	return &turns{one: semaphore.NewWeighted(1), staging: semaphore.NewWeighted(1)}
}

// enter waits for a turn as long as the work may. The returned function gives the turn
// back. It returns a WaitError if the wait takes too long.
func (t *turns) enter(ctx context.Context, work dialect.Work) (leave func(), err error) {
	if t == nil {
		return nothing, nil
	}
	limit := work.LockLimit(ctx)
	soon, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	leave, err = t.take(soon, t.one)
	if err != nil && ctx.Err() != nil {
		return leave, context.Cause(ctx)
	}
	if err != nil {
		return leave, &fault.WaitError{Waited: limit, For: dialect.Work(t.holder.Load()).String()}
	}
	t.holder.Store(int64(work))
	return leave, nil
}

func (t *turns) take(ctx context.Context, one *semaphore.Weighted) (leave func(), err error) {
	if !one.TryAcquire(1) {
		t.waits.Add(1)
		if err := one.Acquire(ctx, 1); err != nil {
			return nothing, context.Cause(ctx)
		}
	}
	return func() { one.Release(1) }, nil
}

// enterStaging waits until nobody else stages rates or waits for that. Call it before
// enter.
func (t *turns) enterStaging(ctx context.Context) (leave func(), err error) {
	if t == nil {
		return nothing, nil
	}
	return t.take(ctx, t.staging)
}

func nothing() {}

// tenantTurns are the turns of the writers of each tenant in this process. Imports of rows
// take none: they hold locks of rows before they wait, and the database must see what waits
// for what. Of the other writers, one at a time holds the lock of the tenant or waits for it
// in the database. If the process is cut off there, the others wait for that one
// transaction, not for all that were queued behind it.
type tenantTurns struct {
	mu sync.Mutex
	of map[string]*tenantTurn
}

type tenantTurn struct {
	turns
	users int // those who hold or await a turn
}

// enter waits for a turn of the tenant, as turns does.
func (a *tenantTurns) enter(ctx context.Context, tenant string, work dialect.Work) (leave func(), err error) {
	a.mu.Lock()
	t := a.of[tenant]
	if t == nil {
		t = &tenantTurn{turns: turns{one: semaphore.NewWeighted(1)}}
		if a.of == nil {
			a.of = map[string]*tenantTurn{}
		}
		a.of[tenant] = t
	}
	t.users++
	a.mu.Unlock()
	gone := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(a.of, tenant)
		}
	}
	given, err := t.enter(ctx, work)
	if err != nil {
		gone()
		return nothing, err
	}
	return func() { given(); gone() }, nil
}
