package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"resellerd/store"
)

const (
	// staleAfter is the time after which a lease is taken over that nobody has renewed.
	// Each process measures it with its own clock, so that clocks may differ.
	staleAfter = 6 * time.Second
	// heldFor is the time that a process relies on the lease that it has renewed.
	heldFor = 4 * time.Second
	// beatEvery is the time between two renewals.
	beatEvery = time.Second
)

// lease is this process's view of who delivers. A process renews it only while it has
// something to deliver, so that idle webhooks cause no writes. It is for one goroutine.
type lease struct {
	store   *store.Store
	own     string // names this process
	known   store.WebhookLease
	since   time.Time // when known was first read
	renewed time.Time // zero: not held
	losses  int64     // of the database's history since this process began, for which webhooks have begun again
}

func newLease(st *store.Store) *lease { return &lease{store: st, own: rand.Text()} }

// renew takes or renews the lease if that is due, and reports whether this process holds
// it. If the database is another one than that in which was delivered before, or if it has
// lost commits, all webhooks begin again.
func (l *lease) renew(ctx context.Context, now time.Time) (bool, error) {
	losses := l.store.HistoryLost()
	if l.held(now) && now.Sub(l.renewed) < beatEvery && losses == l.losses {
		return true, nil
	}
	read, err := l.store.WebhookLease(ctx)
	if err != nil {
		return l.held(now), err
	}
	if read != l.known || l.since.IsZero() {
		l.known, l.since = read, now
	}
	if read.Owner != "" && read.Owner != l.own && now.Sub(l.since) < staleAfter {
		l.renewed = time.Time{}
		return false, nil
	}
	place, err := l.store.Place(ctx)
	if err != nil {
		return l.held(now), err
	}
	taken, err := l.store.TakeWebhookLease(ctx, read, l.own, place, losses != l.losses)
	if errors.Is(err, store.ErrLeaseLost) {
		l.renewed = time.Time{}
		return false, nil
	}
	if err != nil {
		return l.held(now), err
	}
	l.known, l.since, l.renewed, l.losses = taken, now, now, losses
	return true, nil
}

func (l *lease) held(now time.Time) bool {
	return !l.renewed.IsZero() && now.Sub(l.renewed) < heldFor
}

// release lets another process take the lease at once.
func (l *lease) release(ctx context.Context) {
	if l.renewed.IsZero() {
		return
	}
	l.renewed = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_, _ = l.store.TakeWebhookLease(ctx, l.known, "", l.known.Place, false) // if it fails, the lease becomes stale
}
