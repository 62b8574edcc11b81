package shipping

import (
	"context"
	"fmt"

	"resellerd/policies"
)

// Obey follows an order: the revision that is pinned, "" for none, and the last one
// that was confirmed, "" for none. Call it again after every change of the order, and
// from time to time: it tries again to put a pinned revision in force.
//
// A pinned revision is the one in force, or a tree that is kept, or else a later
// arrival. Its content decides, not its name. If none has it, the policy in force
// stays, and Obey returns an error.
func (k *Keeper) Obey(ctx context.Context, pin, confirmed string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.confirmed = confirmed
	if pin != k.pin {
		k.setPin(ctx, pin)
	}
	if k.pin != "" {
		return k.obeyPin(ctx)
	}
	if k.waits != "" && k.waits == confirmed {
		return k.offer(ctx, k.last)
	}
	return nil
}

// Pin returns the pinned revision, "" for none.
func (k *Keeper) Pin() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pin
}

// setPin begins or ends to hold changes back. After a release, the last arrival is
// offered again.
func (k *Keeper) setPin(ctx context.Context, pin string) {
	released := k.pin
	k.pin, k.pinFailure = pin, ""
	k.held(Pinned, pin != "")
	k.wait("")
	if pin != "" {
		k.Logger.Warn("policy pinned; changes wait until the pin is released", "revision", pin)
		return
	}
	k.Logger.Warn("policy released; changes are followed again", "revision", released)
	if last := k.last; last.Tree != nil {
		k.last, k.refused = Arrival{}, false // so that an equal arrival is not ignored
		_ = k.offer(ctx, last)               // logged
	}
}

// obeyPin puts the pinned revision in force, if it is not yet.
func (k *Keeper) obeyPin(ctx context.Context) error {
	if k.pinInForce() {
		return nil
	}
	a, err := k.Kept.Find(k.pin)
	if err != nil {
		return k.cannotPin(err)
	}
	return k.force(ctx, a, false) // its tests have passed before
}

func (k *Keeper) pinInForce() bool {
	e := k.Engines.Current()
	return e != nil && e.Revision() == k.pin
}

// keepBack remembers an arrival until the pin is released. If the pinned revision is
// not in force, and the arrival has it, it puts it in force.
func (k *Keeper) keepBack(ctx context.Context, a Arrival) error {
	k.last, k.refused = a, false
	revision, err := policies.RevisionOf(a.Tree)
	if err == nil && revision == k.pin {
		if k.pinInForce() {
			return nil
		}
		return k.force(ctx, a, k.Tests)
	}
	k.Logger.Warn("policy is pinned; a change waits", append([]any{"pinned", k.pin, "revision", revision}, described(a)...)...)
	return nil
}

// force puts a tree that has the pinned revision in force, even if it is older than
// the one in force or gives more.
func (k *Keeper) force(ctx context.Context, a Arrival, tests bool) error {
	engine, err := k.load(ctx, a, tests)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return k.cannotPin(err)
	}
	k.pinFailure = ""
	k.swap(engine, a)
	return nil
}

// cannotPin reports a pinned revision that cannot come into force, once.
func (k *Keeper) cannotPin(err error) error {
	err = fmt.Errorf("policy pinned: %w", err)
	if err.Error() != k.pinFailure {
		k.tell(err)
		k.Logger.Error("the pinned policy cannot be put in force; the one in force stays", "pinned", k.pin, "error", err)
	}
	k.pinFailure = err.Error()
	return err
}

// givesMore reports whether an engine turns too many remembered denials into allows.
// Then it waits to be confirmed.
func (k *Keeper) givesMore(ctx context.Context, e *policies.Engine, a Arrival) bool {
	old := k.Engines.Current()
	if k.Gains == nil || old == nil || e.Revision() == old.Revision() || e.Revision() == k.confirmed {
		return false
	}
	gains, of := k.Gains(ctx, e)
	if gains*100 <= k.MaxGains*of {
		return false
	}
	k.wait(e.Revision())
	k.Logger.Warn("policy allows more than before; it waits to be confirmed",
		append([]any{"revision", e.Revision(), "now_allowed", gains, "of_decisions", of}, described(a)...)...)
	return true
}

// wait sets the revision that waits to be confirmed, "" for none.
func (k *Keeper) wait(revision string) {
	if (revision == "") != (k.waits == "") {
		k.held(Unconfirmed, revision != "")
	}
	k.waits = revision
}

func (k *Keeper) held(cause Cause, holds bool) {
	if k.Held != nil {
		k.Held(cause, holds)
	}
}
