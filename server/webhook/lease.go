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
	// idleStale takes the place of staleAfter if all changes of data were served: another
	// process may have noticed the rest earlier than the one with the lease.
	idleStale = lookEvery + staleAfter
	// idleFor is the time without work after which the process with the lease says what it has
	// served, so that frequent changes cause few writes.
	idleFor = 2 * time.Second
)

// lease is this process's view of who delivers. A process renews it only while it has
// something to deliver, and then says once that it has served everything, so that idle webhooks
// cause no writes. Others watch it while they see something to deliver. It is for one
// goroutine.
type lease struct {
	store   *store.Store
	own     string // names this process
	known   store.WebhookLease
	since   time.Time // when known was first read; zero: this process does not watch
	took    bool      // the last renewal took the lease from another process, or began it
	renewed time.Time // zero: not held
	losses  int64     // of the database's history since this process began, for which webhooks have begun again
}

func newLease(st *store.Store) *lease { return &lease{store: st, own: rand.Text()} }

// renew takes or renews the lease if that is due, and reports whether this process holds
// it. It takes a lease that nobody renews: sooner, if the owner is working, or has not served all
// changes until a data revision. If the database is another one than that in which was delivered before, or
// if it has lost commits, all webhooks begin again.
func (l *lease) renew(ctx context.Context, now time.Time, until int64) (bool, error) {
	losses := l.store.HistoryLost()
	if l.held(now) && now.Sub(l.renewed) < beatEvery && losses == l.losses && l.known.Done == 0 {
		l.took = false
		return true, nil
	}
	read, err := l.store.WebhookLease(ctx)
	if err != nil {
		return false, err
	}
	if read != l.known || l.since.IsZero() {
		l.known, l.since = read, now
	}
	patience := idleStale
	if read.Done == 0 || read.Done < until {
		patience = staleAfter
	}
	if read.Owner != "" && read.Owner != l.own && now.Sub(l.since) < patience {
		l.renewed = time.Time{}
		return false, nil
	}
	place, err := l.store.Place(ctx)
	if err != nil {
		return false, err
	}
	taken, err := l.store.TakeWebhookLease(ctx, read, l.own, place, losses != l.losses)
	if errors.Is(err, store.ErrLeaseLost) {
		l.renewed = time.Time{}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l.took = read.Owner != l.own
	l.known, l.since, l.renewed, l.losses = taken, now, now, losses
	return true, nil
}

// rest ends the watching: there is nothing to deliver. A process with the lease says what it
// has served, if Done is not 0.
func (l *lease) rest(ctx context.Context, told store.Told) error {
	l.since = time.Time{}
	if l.renewed.IsZero() || l.known.Done != 0 || told.Done == 0 {
		return nil
	}
	rested, err := l.store.RestWebhookLease(ctx, l.known, told)
	if errors.Is(err, store.ErrLeaseLost) {
		l.renewed = time.Time{}
		return nil
	}
	l.known = rested
	return err
}

// served returns what another process has served; nothing if it is working.
func (l *lease) served() store.Told { return l.known.Told }

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
