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
	Kept    Kept             // where the last good trees are kept
	Logger  *slog.Logger
	// Done is called after every attempt, before it is logged. It receives nil if
	// the offered policy is in force. Done may be nil.
	Done func(error)
	// Held is called when a cause begins or ends to hold changes back. It may be nil.
	Held func(cause Cause, holds bool)
	// Gains decides remembered decisions again with an engine. It returns how many of
	// them there are, and how many denials become allows. If these are more than
	// MaxGains of a hundred, the engine waits until its revision is confirmed. If Gains
	// is nil, no engine waits.
	Gains    func(ctx context.Context, e *policies.Engine) (gains, of int)
	MaxGains int

	mu        sync.Mutex
	last      Arrival           // the last offered one
	revisions map[string]string // revisions of the arrival in force
	refused   bool              // the last arrival was refused
	failure   string            // the last logged failure

	pin        string // the revision that stays in force
	pinFailure string // the last logged reason why it is not in force
	confirmed  string // the revision that may give more
	waits      string // the revision that waits to be confirmed
}

// Cause is why a keeper holds changes of the policy back.
type Cause string

// The causes.
const (
	Pinned      Cause = "pin"     // an operator has pinned a revision
	Unconfirmed Cause = "confirm" // the change gives more, and nobody has confirmed it
)

// Offer checks an arrival and puts it in force for requests that start
// afterwards. It returns a *rego.LoadError if the tree is refused. It ignores an
// arrival that equals the last one offered, and returns nil for it. While a
// revision is pinned, it only remembers the arrival.
func (k *Keeper) Offer(ctx context.Context, a Arrival) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	failed := k.failure != ""
	k.failure = ""
	if a.digest != "" && a.digest == k.last.digest {
		if failed && !k.refused && (k.pin == "" || k.pinInForce()) { // it can be read again
			k.tell(nil)
		}
		return nil
	}
	return k.offer(ctx, a)
}

func (k *Keeper) offer(ctx context.Context, a Arrival) error {
	if k.pin != "" {
		return k.keepBack(ctx, a)
	}
	engine, err := k.check(ctx, a)
	if ctx.Err() != nil {
		return ctx.Err() // cancelled, so nothing is known about the tree
	}
	k.last, k.refused = a, err != nil
	k.wait("")
	if err != nil {
		k.tell(err)
		k.log("policy cannot be checked; the one in force stays", err, described(a)...)
		return err
	}
	if k.givesMore(ctx, engine, a) {
		return nil
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
	return k.load(ctx, a, k.Tests)
}

func (k *Keeper) load(ctx context.Context, a Arrival, tests bool) (*policies.Engine, error) {
	o := k.Options
	o.Source = a.Source
	engine, err := policies.Load(ctx, a.Tree, o)
	if err != nil || !tests {
		return engine, err
	}
	return engine, runTests(ctx, a.Tree)
}

// swap puts the engine in force, and keeps its tree. If the engine in force is the
// same, it stays, with its warm caches.
func (k *Keeper) swap(engine *policies.Engine, a Arrival) {
	if a.Source != fromKept {
		k.revisions = a.Revisions
	}
	old := k.Engines.Current()
	same := old != nil && old.Revision() == engine.Revision() && old.Source() == engine.Source()
	if !same {
		k.Engines.Swap(engine)
	}
	k.tell(nil)
	if err := k.Kept.Keep(engine.Revision(), a.Tree, k.pin); err != nil {
		k.Logger.Error("the policy in force cannot be kept, so it cannot be pinned after a restart", "revision", engine.Revision(), "error", err)
	}
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
