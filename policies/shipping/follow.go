package shipping

import (
	"context"
	"errors"
	"time"
)

// Place is a source of a policy tree.
type Place interface {
	// Read returns the tree as it is at one moment.
	Read(ctx context.Context) (Arrival, error)
	// watch returns a channel that receives a value when the tree may have
	// changed since the call, and stop, which ends the watch. If the channel
	// is nil, only Read can detect a change.
	watch() (changed <-chan struct{}, stop func())
}

// Follow offers the tree of a place to the keeper, now and after each change,
// until ctx ends. It also reads after every poll interval, because watches can
// miss changes.
func Follow(ctx context.Context, k *Keeper, p Place, poll time.Duration) {
	for ctx.Err() == nil {
		changed, stop := p.watch() // before reading, so that it sees changes during the read
		k.Take(ctx, p)
		waitFor(ctx, changed, poll)
		stop()
	}
}

// errNotYet means that the tree has not arrived yet but is expected soon.
var errNotYet = errors.New("policy tree: not here yet")

// Take offers the tree of a place as it is now. It does not return errors, because
// the keeper reports them.
func (k *Keeper) Take(ctx context.Context, p Place) {
	a, err := p.Read(ctx)
	switch {
	case ctx.Err() != nil, errors.Is(err, errNotYet):
	case err != nil:
		k.Fail(err)
	default:
		_ = k.Offer(ctx, a) // the keeper logs the error
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
