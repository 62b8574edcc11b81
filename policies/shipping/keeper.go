package shipping

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"resellerd/policies"
	"resellerd/policies/rego"
)

// Keeper puts arrivals in force. If it refuses one, the last good one stays in
// force. Set its fields before use. It is safe for concurrent use.
type Keeper struct {
	Engines *policies.Holder
	Options policies.Options // for every engine; Source is replaced by the arrival's
	Tests   bool             // run the tree's own Rego tests first and refuse a tree without any
	Logger  *slog.Logger
	// Done is called after every attempt, before it is logged. It receives nil if
	// the offered policy is in force. Done may be nil.
	Done func(error)

	mu        sync.Mutex
	digest    string            // digest of the last offered arrival
	revisions map[string]string // revisions of the arrival in force
	refused   bool              // that arrival was refused
	failure   string            // the last logged failure
}

// Offer checks an arrival and puts it in force for requests that start
// afterwards. It returns a *rego.LoadError if the tree is refused. It ignores an
// arrival that equals the last one offered, and returns nil for it.
func (k *Keeper) Offer(ctx context.Context, a Arrival) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	failed := k.failure != ""
	k.failure = ""
	if a.digest != "" && a.digest == k.digest {
		if failed && !k.refused { // it can be read again
			k.tell(nil)
		}
		return nil
	}
	engine, err := k.check(ctx, a)
	if ctx.Err() != nil {
		return ctx.Err() // cancelled, so nothing is known about the tree
	}
	k.digest, k.refused = a.digest, err != nil
	if err != nil {
		k.tell(err)
		k.log("policy cannot be checked; the one in force stays", err, described(a)...)
		return err
	}
	k.swap(engine, a)
	return nil
}

// Fail reports an attempt that failed before Offer, for example a tree that could
// not be read. It logs the error unless it equals the last logged failure.
func (k *Keeper) Fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tell(err)
	if err.Error() != k.failure {
		k.log("policy cannot be read; the one in force stays", err)
	}
	k.failure = err.Error()
}

// check runs all checks that a tree must pass before it is put in force.
func (k *Keeper) check(ctx context.Context, a Arrival) (*policies.Engine, error) {
	if err := notOlder(a.Revisions, k.revisions); err != nil {
		return nil, err
	}
	o := k.Options
	o.Source = a.Source
	engine, err := policies.Load(ctx, a.Tree, o)
	if err != nil || !k.Tests {
		return engine, err
	}
	return engine, runTests(ctx, a.Tree)
}

// swap puts the engine in force. If the engine in force is the same, it stays,
// with its warm caches.
func (k *Keeper) swap(engine *policies.Engine, a Arrival) {
	k.revisions = a.Revisions
	old := k.Engines.Current()
	same := old != nil && old.Revision() == engine.Revision() && old.Source() == engine.Source()
	if !same {
		k.Engines.Swap(engine)
	}
	k.tell(nil)
	if same {
		return
	}
	args := append([]any{"revision", engine.Revision()}, described(a)...)
	if old != nil {
		args = append(args, "instead_of", old.Revision())
	}
	k.Logger.Info("policy in force", args...)
}

func described(a Arrival) []any {
	args := []any{"source", a.Source}
	if len(a.Revisions) > 0 {
		args = append(args, "bundles", a.Revisions)
	}
	return args
}

// maxFindings limits the findings in one log line.
const maxFindings = 50

// log writes one line with the findings or the error.
func (k *Keeper) log(message string, err error, args ...any) {
	var refused *rego.LoadError
	if errors.As(err, &refused) {
		message = "policy refused; the one in force stays"
		args = append(args, "findings", lines(refused.Findings))
	} else {
		args = append(args, "error", err)
	}
	k.Logger.Error(message, args...)
}

func lines(findings []rego.Finding) []string {
	out := make([]string, 0, min(len(findings), maxFindings))
	for _, f := range findings[:min(len(findings), maxFindings)] {
		out = append(out, f.String())
	}
	return out
}

func (k *Keeper) tell(err error) {
	if k.Done != nil {
		k.Done(err)
	}
}
