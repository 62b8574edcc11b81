package mutation

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"regexp"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"resellerd/policies/rego"
	"resellerd/policies/regotest"
)

// Options adjust a run. The zero value runs only the Rego tests on every
// mutant.
type Options struct {
	// Only selects the mutants to try; nil selects all.
	Only func(Mutant) bool
	// Since is a tree. If it is given, only rules and data are changed that differ from it.
	Since fs.FS
	// Tests selects the tests by their full names; nil selects all. Mutants are then
	// changes in packages that have such a test in their folder.
	Tests *regexp.Regexp
	// Witness creates a second judge for one worker and a function that ends
	// it. The judge receives a changed tree that passes the Rego tests. It
	// reports whether it notices a fault. If it returns a *rego.LoadError,
	// `serve` would refuse the tree, and the mutant is invalid.
	Witness func() (ask Witness, end func() error, err error)
	// Begun is called once, with the number of mutants. Rest is called once, after the first
	// few of many mutants, with the time that the others will take. Tried is called after
	// each mutant, from several goroutines.
	Begun func(total int)
	Rest  func(time.Duration)
	Tried func()
}

// Witness reports whether it notices a fault in a tree.
type Witness func(ctx context.Context, tree fs.FS) (bool, error)

// Report counts the results of the mutants. A mutant is invalid if it does
// not compile or `serve` would refuse it. Invalid mutants do not affect the
// score, nor do undone changes of data: a list of customers needs no test.
type Report struct {
	Total     int        `json:"total"`
	Killed    int        `json:"killed"`
	Invalid   int        `json:"invalid"`
	Judged    int        `json:"judged"` // valid mutants of rules
	Score     float64    `json:"score"`  // killed mutants in percent of those
	Survivors []Survivor `json:"survivors"`
	Accounts  bool       `json:"accounts"` // the tree has a list of accepted survivors
	Stale     []Entry    `json:"stale"`    // accepted entries that do not match the survivors
}

// Survivor is a mutant that no test notices. Reason says why it is accepted;
// it is empty if it is not accepted.
type Survivor struct {
	Mutant
	Reason string `json:"reason,omitempty"`
}

// Run tries the mutants of a tree on all processors. The tree's own tests
// must pass without changes. It returns a *rego.LoadError if the tree does
// not compile.
func Run(ctx context.Context, tree fs.FS, o Options) (*Report, error) {
	suite, err := regotest.Read(tree)
	if err != nil {
		return nil, err
	}
	accepted, err := readAccepted(tree)
	if err != nil {
		return nil, err
	}
	all, err := chosen(suite, o)
	if err != nil {
		return nil, err
	}
	if o.Begun != nil {
		o.Begun(len(all))
	}
	fates, err := (&trial{tree: tree, suite: suite, o: o, mutants: all}).run(ctx)
	if err != nil {
		return nil, err
	}
	report := &Report{Total: len(all), Survivors: []Survivor{}}
	noticed := 0
	for i, fate := range fates {
		report.count(all[i], fate)
		if all[i].data == nil && fate != invalid {
			report.Judged++
		}
		if all[i].data == nil && fate == killed {
			noticed++
		}
	}
	if report.Judged > 0 {
		report.Score = 100 * float64(noticed) / float64(report.Judged)
	}
	report.Accounts = accepted != nil
	report.accept(accepted, o.Only != nil || o.Since != nil || o.Tests != nil)
	return report, nil
}

// chosen returns the mutants to try, and leaves the tests in the suite that judge them.
func chosen(suite *regotest.Suite, o Options) (all []Mutant, err error) {
	if o.Since == nil {
		all = mutants(suite.Modules())
	} else if all, err = since(o.Since, suite.Modules(), suite.Data()); err != nil {
		return nil, err
	}
	if o.Tests != nil {
		suite.Choose(o.Tests)
		all = slices.DeleteFunc(all, func(m Mutant) bool {
			return m.module != nil && !suite.TestsBeside(m.module.Package.Path.String())
		})
	}
	if o.Only != nil {
		all = slices.DeleteFunc(all, func(m Mutant) bool { return !o.Only(m) })
	}
	return all, nil
}

// fate is the result of a mutant.
type fate uint8

const (
	survived fate = iota
	killed
	invalid
)

func (r *Report) count(m Mutant, f fate) {
	switch f {
	case killed:
		r.Killed++
	case invalid:
		r.Invalid++
	default:
		r.Survivors = append(r.Survivors, Survivor{Mutant: m})
	}
}

// sample is the number of mutants after which a trial says how long the rest takes.
const sample = 24

// trial tries mutants concurrently.
type trial struct {
	tree        fs.FS
	suite       *regotest.Suite
	o           Options
	mutants     []Mutant
	begun       time.Time
	next, tried atomic.Int64
}

func (t *trial) run(ctx context.Context) ([]fate, error) {
	fates := make([]fate, len(t.mutants))
	t.begun = time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), max(1, len(t.mutants))) {
		group.Go(func() error { return t.work(ctx, fates) })
	}
	return fates, group.Wait()
}

// spread returns the index of the n-th mutant to try. Neighbours in a file take about the
// same time, so the first tried are spread over all.
func (t *trial) spread(n int64) int64 {
	const stride = 1_000_003 // a prime, so that each index has its turn
	return n * stride % int64(len(t.mutants))
}

// work tries mutants until none is left.
func (t *trial) work(ctx context.Context, fates []fate) (err error) {
	judge := &judge{o: t.o}
	defer func() { err = errors.Join(err, judge.end()) }()
	for n := t.next.Add(1) - 1; n < int64(len(fates)); n = t.next.Add(1) - 1 {
		i := t.spread(n)
		if fates[i], err = t.try(ctx, t.mutants[i], judge); err != nil {
			return err
		}
		if t.o.Tried != nil {
			t.o.Tried()
		}
		if t.tried.Add(1) == sample && t.o.Rest != nil && len(fates) >= 4*sample {
			t.o.Rest(time.Since(t.begun) / sample * time.Duration(len(fates)-sample))
		}
	}
	return nil
}

// judge holds a worker's Witness and creates it on first use.
type judge struct {
	o      Options
	ask    Witness
	ending func() error
}

func (j *judge) notices(ctx context.Context, tree fs.FS) (noticed bool, err error) {
	if j.o.Witness == nil {
		return false, nil
	}
	if j.ask == nil {
		if j.ask, j.ending, err = j.o.Witness(); err != nil {
			return false, err
		}
	}
	return j.ask(ctx, tree)
}

func (j *judge) end() error {
	if j.ending == nil {
		return nil
	}
	return j.ending()
}

func (t *trial) try(ctx context.Context, m Mutant, witness *judge) (fate, error) {
	if m.data != nil {
		return t.tryData(ctx, m, witness)
	}
	text, err := m.text()
	if err != nil {
		return survived, err
	}
	module, err := m.parse(text)
	if err != nil {
		return invalid, nil //nolint:nilerr // what cannot be parsed is no policy
	}
	noticed, err := t.suite.Notices(ctx, m.File, module)
	if noticed || err != nil {
		return fateOf(noticed, err)
	}
	return fateOf(witness.notices(ctx, changed{FS: t.tree, name: m.File, text: text}))
}

func (t *trial) tryData(ctx context.Context, m Mutant, witness *judge) (fate, error) {
	data := m.data.undo(t.suite.Data())
	text, err := json.Marshal(data)
	if err != nil {
		return survived, err
	}
	noticed, err := t.suite.NoticesData(ctx, data)
	if noticed || err != nil {
		return fateOf(noticed, err)
	}
	return fateOf(witness.notices(ctx, withData{t.tree, text}))
}

func fateOf(noticed bool, err error) (fate, error) {
	var refused *rego.LoadError
	switch {
	case errors.As(err, &refused):
		return invalid, nil
	case err != nil:
		return survived, err
	case noticed:
		return killed, nil
	}
	return survived, nil
}
