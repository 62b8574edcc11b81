package shipping

import (
	"context"
	"errors"
	"time"
)

// Place is where a policy tree is kept.
type Place interface {
	// Read returns the tree as it is now, read at one moment.
	Read(ctx context.Context) (Arrival, error)
	// watch returns a channel that has a value when the tree may have changed
	// since the call, and stop, which ends that. A nil channel means that only
	// reading tells.
	watch() (changed <-chan struct{}, stop func())
}

// Follow offers what a place holds to the keeper, now and whenever it changes,
// until ctx ends. Besides watching, it reads every poll: watches get lost.
func Follow(ctx context.Context, k *Keeper, p Place, poll time.Duration) {
	for ctx.Err() == nil {
		changed, stop := p.watch() // before reading, so that no change falls in between
		k.take(ctx, p)
		waitFor(ctx, changed, poll)
		stop()
	}
}

// errNotYet says that there is no tree to read before long.
var errNotYet = errors.New("policy tree: not here yet")

func (k *Keeper) take(ctx context.Context, p Place) {
	a, err := p.Read(ctx)
	switch {
	case ctx.Err() != nil, errors.Is(err, errNotYet):
	case err != nil:
		k.Fail(err)
	default:
		_ = k.Offer(ctx, a) // told by the keeper
	}
}

func waitFor(ctx context.Context, changed <-chan struct{}, poll time.Duration) {
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-timer.C:
	}
}
