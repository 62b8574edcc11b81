package store

import (
	"context"
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
