package shipping

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"resellerd/policies"
	"resellerd/policies/rego"
)

// Keeper puts what arrives in force, or refuses it and leaves the last good one.
// Set its fields before use. Safe for concurrent use.
type Keeper struct {
	Engines *policies.Holder
	Options policies.Options // of every engine; Source is the arrival's
	Tests   bool             // run the tree's own Rego tests first; a tree without any is refused
	Logger  *slog.Logger
	// Done is told of every attempt, before the log is: nil when a policy was put
	// in force. It may be nil itself.
	Done func(error)

	mu        sync.Mutex
	digest    string            // of what was offered last
	revisions map[string]string // of what is in force
	failure   string            // that was logged last
}

// Offer checks an arrival and puts it in force, for requests that start from
// then on. It returns a *rego.LoadError when the tree is refused. What was
// offered last is not looked at again.
func (k *Keeper) Offer(ctx context.Context, a Arrival) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failure = ""
	if a.digest != "" && a.digest == k.digest {
		return nil
	}
	engine, err := k.check(ctx, a)
	if ctx.Err() != nil {
		return ctx.Err() // called off: nothing was found out about the tree
	}
	k.digest = a.digest
	if err != nil {
		k.tell(err)
		k.log("policy cannot be checked; the one in force stays", err, described(a)...)
		return err
	}
	k.swap(engine, a)
	return nil
}

// Fail counts that nothing could be read, or that it was refused before it got
// here, and logs it unless that was the last thing logged.
func (k *Keeper) Fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tell(err)
	if err.Error() != k.failure {
		k.log("policy cannot be read; the one in force stays", err)
	}
	k.failure = err.Error()
}

// check does everything that must succeed before a tree is put in force.
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

// swap puts the engine in force, unless the one in force is the same: then its
// warm caches stay.
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

// maxFindings bounds a log line.
const maxFindings = 50

// log writes one line, with what was found.
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
