package server

import "context"

// turns lets so many in at a time; the others wait, whosever they are.
type turns chan struct{}

// enter waits for a turn until ctx ends. The returned function gives it back.
func (t turns) enter(ctx context.Context) (leave func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, unavailable(context.Cause(ctx))
	}
}
