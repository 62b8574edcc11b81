package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"runtime"
	"time"

	"resellerd/policies"
	"resellerd/policies/mutation"
	"resellerd/server/resource"
	"resellerd/server/scenario"
)

// mutate tests the tree's mutants and reports those that no test notices.
func (c *policyTestCommand) mutate(ctx context.Context, t terminal, tree fs.FS) error {
	all, err := scenario.Read(tree)
	if err != nil {
		return err
	}
	var bar *progress
	o := mutation.Options{
		Begun: func(total int) { bar = t.progress("mutants", total) },
		Rest: func(left time.Duration) {
			fmt.Fprintf(t.err, "the other mutants take some %s on %s\n", roughly(left), count(runtime.GOMAXPROCS(0), "processor"))
		},
		Tried: func() { bar.add(1) },
	}
	if c.Sample > 1 {
		o.Only = everyNth(c.Sample)
	}
	if c.Since != "" {
		if o.Since, _, err = (treeArgument{Dir: c.Since}).tree(ctx); err != nil {
			return err
		}
	}
	if c.Only != "" {
		o.Tests = regexp.MustCompile(c.Only) // Run has compiled it
		all = nil
	}
	if len(all) > 0 {
		o.Witness = func() (mutation.Witness, func() error, error) { return witness(ctx, all) }
	}
	report, err := mutation.Run(ctx, tree, o)
	if bar != nil {
		bar.done()
	}
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = printJSON(t.out, report)
	} else {
		c.printMutants(t.out, report)
	}
	if err == nil {
		err = c.mutantsAlive(report)
	}
	return err
}

// roughly rounds a duration for people: to a minute, or below two minutes to ten seconds.
func roughly(d time.Duration) string {
	if d > 2*time.Minute {
		return count(int(d.Round(time.Minute)/time.Minute), "minute")
	}
	return fmt.Sprintf("%d seconds", 10*max(1, int(d.Round(10*time.Second)/(10*time.Second))))
}

// everyNth selects every n-th mutant, beginning with the first.
func everyNth(n int) func(mutation.Mutant) bool {
	i := -1
	return func(mutation.Mutant) bool {
		i++
		return i%n == 0
	}
}

// witness returns a function that plays all scenarios under a tree. It creates their
// worlds only once.
func witness(ctx context.Context, all []*scenario.Scenario) (mutation.Witness, func() error, error) {
	var stages []*scenario.Stage
	end := func() error {
		var err error
		for _, stage := range stages {
			err = errors.Join(err, stage.Close())
		}
		return err
	}
	for _, s := range all {
		stage, err := s.Stage(ctx)
		if err != nil {
			return nil, nil, errors.Join(err, end())
		}
		stages = append(stages, stage)
	}
	return func(ctx context.Context, tree fs.FS) (bool, error) {
		engine, err := policies.Load(ctx, tree, policies.Options{Schema: resource.Schema()})
		if err != nil {
			return false, err
		}
		for _, stage := range stages {
			failures, err := stage.Play(ctx, engine, true)
			if err != nil || len(failures) > 0 {
				return len(failures) > 0, err
			}
		}
		return false, nil
	}, end, nil
}

func (c *policyTestCommand) printMutants(w io.Writer, r *mutation.Report) {
	for _, s := range r.Survivors {
		s.File = c.path(s.File)
		fmt.Fprintln(w, s.Mutant)
		if s.Reason != "" {
			fmt.Fprintf(w, "    accepted: %s\n", s.Reason)
		} else {
			fmt.Fprintln(w, "    no test notices")
		}
	}
	for _, e := range r.Stale {
		fmt.Fprintf(w, "%s:%d: %s: %s: does not survive %s\n", c.path(mutation.AcceptedFile), e.Line, e.Rule, e.Change, count(e.Count, "time"))
	}
	fmt.Fprintf(w, "%s: %d noticed, %d not, %d do not compile", count(r.Total, "mutant"), r.Killed, len(r.Survivors), r.Invalid)
	if r.Judged > 0 {
		fmt.Fprintf(w, "; %.1f %% of those of rules that do are noticed", r.Score)
	}
	fmt.Fprintln(w)
}

// mutantsAlive returns an error if the tests notice too few mutants, if the accepted
// survivors are out of date, or if a tree that lists accepted survivors lacks one.
func (c *policyTestCommand) mutantsAlive(r *mutation.Report) error {
	switch left := len(r.Unaccepted()); {
	case c.Since != "" && r.Judged == 0:
		return nil // no rule differs
	case r.Score < c.MinScore:
		return testsFailed(fmt.Errorf("tests notice %.1f %% of the mutants, and should notice %g %%", r.Score, c.MinScore))
	case len(r.Stale) > 0:
		return testsFailed(fmt.Errorf("%s: %s out of date", mutation.AcceptedFile, count(len(r.Stale), "entry")))
	case r.Accounts && left > 0 && c.Only == "":
		return testsFailed(fmt.Errorf("%s: %d survivors are not accounted for", mutation.AcceptedFile, left))
	}
	return nil
}
