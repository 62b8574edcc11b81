package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"resellerd/policies"
	"resellerd/policies/mutation"
	"resellerd/policies/regotest"
	"resellerd/server/resource"
	"resellerd/server/scenario"
)

type policyTestCommand struct {
	treeArgument
	Only     string  `name:"run" help:"Run only tests whose full names match. With --mutate, only they judge, and only packages beside them are changed." placeholder:"REGEX"`
	Verbose  bool    `short:"v" help:"List every test that ran with its time, and every scenario."`
	Coverage float64 `help:"Percentage of policy lines that the Rego tests must reach." default:"100" placeholder:"PERCENT"`
	Mutate   bool    `help:"Make small changes to the policies in this directory, and list those that no test notices."`
	Since    string  `help:"With --mutate: change only rules and data that differ from the policy in this directory or bundle." placeholder:"DIR|BUNDLE"`
	MinScore float64 `help:"Percentage of mutants that tests must notice." default:"95" placeholder:"PERCENT"`
	Sample   int     `help:"Try only every n-th mutant." default:"1" placeholder:"N"`
	Format   string  `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// tested is what `resellerd policy test --format json` prints.
type tested struct {
	Rego      *regotest.Report     `json:"rego"`
	Unfailed  []mutation.Condition `json:"unfailed"` // conditions that no Rego test fails by
	Scenarios scenarioReport       `json:"scenarios"`
	Pass      bool                 `json:"pass"`
}

// scenarioReport is the result of the scenarios of a tree.
type scenarioReport struct {
	Scenarios  int                `json:"scenarios"`
	Titles     []string           `json:"titles"`
	Statements int                `json:"statements"`
	Failures   []scenario.Failure `json:"failures"`
}

// Run runs the tree's Rego tests and scenarios. With --mutate it then tries the
// tree's mutants. It fails with exitTests if a test fails, and with exitPolicy if the
// tree cannot be served.
func (c *policyTestCommand) Run(ctx context.Context, t terminal) error {
	tree, source, err := c.tree(ctx)
	if err != nil {
		return err
	}
	if c.Sample < 1 {
		return usagef("--sample %d must be at least 1", c.Sample)
	}
	if _, err := regexp.Compile(c.Only); err != nil {
		return usagef("--run: %w", err)
	}
	report, err := c.test(ctx, tree, source)
	if err != nil {
		return err
	}
	if c.Mutate && report.holds() {
		return c.mutate(ctx, t, tree)
	}
	if c.Format == "json" {
		err = printJSON(t.out, report)
	} else {
		c.print(t.out, report)
	}
	if err == nil && !report.Pass {
		err = testsFailed(report.complaint(c.Coverage))
	}
	return err
}

func (c *policyTestCommand) test(ctx context.Context, tree fs.FS, source string) (*tested, error) {
	engine, unloaded := policies.Load(ctx, tree, policies.Options{Schema: resource.Schema(), Source: source})
	if unloaded == nil {
		if err := engine.Fast(); err != nil {
			return nil, err
		}
	}
	rego, err := regotest.Run(ctx, tree, c.Only)
	if err != nil {
		return nil, err
	}
	report := &tested{Rego: rego, Unfailed: []mutation.Condition{}}
	if c.Only == "" && !c.Mutate {
		if report.Unfailed, err = mutation.Unfailed(ctx, tree); err != nil {
			return nil, err
		}
	}
	if report.Scenarios, err = playAll(ctx, tree, engine, unloaded); err != nil {
		return nil, err
	}
	report.Pass = report.complaint(c.Coverage) == nil
	if c.Only != "" { // some of the tests cannot cover all lines
		report.Pass = report.holds()
	}
	for i := range rego.Results {
		rego.Results[i].File = c.path(rego.Results[i].File)
	}
	for i := range rego.Failures {
		rego.Failures[i].File = c.path(rego.Failures[i].File)
		if at := rego.Failures[i].At; at != nil {
			at.File = c.path(at.File)
		}
	}
	for i := range report.Unfailed {
		report.Unfailed[i].File = c.path(report.Unfailed[i].File)
	}
	for i := range rego.Uncovered {
		rego.Uncovered[i].File = c.path(rego.Uncovered[i].File)
	}
	for i := range report.Scenarios.Failures {
		report.Scenarios.Failures[i].File = c.path(report.Scenarios.Failures[i].File)
	}
	return report, nil
}

// holds reports whether there are tests and none fails.
func (r *tested) holds() bool {
	return r.Rego.Tests+r.Scenarios.Scenarios > 0 && len(r.Rego.Failures)+len(r.Scenarios.Failures) == 0
}

// complaint returns why the tests do not pass, nil if they do.
func (r *tested) complaint(coverage float64) error {
	switch {
	case r.Rego.Tests+r.Scenarios.Scenarios == 0:
		return errors.New("the tree has no tests")
	case !r.holds():
		return fmt.Errorf("%s of Rego and %s failed", count(len(r.Rego.Failures), "test"), count(len(r.Scenarios.Failures), "sentence"))
	case r.Rego.Coverage < coverage:
		return fmt.Errorf("the tests reach %.1f %% of the policies' lines, and should reach %g %%", r.Rego.Coverage, coverage)
	}
	return nil
}

// playAll plays the scenarios of a tree under its own policy. If the tree has
// scenarios and its policy did not load, it returns unloaded.
func playAll(ctx context.Context, tree fs.FS, engine *policies.Engine, unloaded error) (scenarioReport, error) {
	report := scenarioReport{Titles: []string{}, Failures: []scenario.Failure{}}
	all, err := scenario.Read(tree)
	if err != nil || len(all) == 0 {
		return report, err
	}
	if unloaded != nil {
		return report, unloaded
	}
	for _, s := range all {
		failures, err := play(ctx, s, engine)
		if err != nil {
			return report, err
		}
		report.Scenarios++
		report.Titles = append(report.Titles, s.Title)
		report.Statements += s.Statements()
		report.Failures = append(report.Failures, failures...)
	}
	return report, nil
}

func play(ctx context.Context, s *scenario.Scenario, engine *policies.Engine) (failures []scenario.Failure, err error) {
	stage, err := s.Stage(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	return stage.Play(ctx, engine, false)
}

func (c *policyTestCommand) print(w io.Writer, r *tested) {
	if c.Verbose {
		r.list(w)
	}
	for _, f := range r.Rego.Failures {
		fmt.Fprintf(w, "%s:%d: %s failed\n", f.File, f.Line, f.Name)
		if f.At != nil {
			fmt.Fprintf(w, "    this does not hold, at %s:%d:\n%s\n", f.At.File, f.At.Line, indented(f.Condition, "      "))
		}
		for _, more := range []string{f.Message, f.Output} {
			if more != "" {
				fmt.Fprintf(w, "    %s\n", more)
			}
		}
	}
	for _, f := range r.Scenarios.Failures {
		fmt.Fprintf(w, "%s:%d: %s %s\n    %s\n", f.File, f.Line, f.User, f.Sentence, f.Instead)
	}
	if c.Only == "" && r.Rego.Coverage < c.Coverage {
		for _, line := range r.Rego.Uncovered {
			fmt.Fprintf(w, "%s:%d: no test reaches this line\n", line.File, line.Line)
		}
	}
	for _, u := range r.Unfailed {
		fmt.Fprintf(w, "%s:%d: no test fails by this condition: %s\n", u.File, u.Line, u.Text)
	}
	fmt.Fprintf(w, "%s of Rego, %d failed, %d skipped; they reach %.1f %% of the policies' lines\n",
		count(r.Rego.Tests, "test"), len(r.Rego.Failures), r.Rego.Skipped, r.Rego.Coverage)
	fmt.Fprintf(w, "%s with %s, %d of which do not hold\n",
		count(r.Scenarios.Scenarios, "scenario"), count(r.Scenarios.Statements, "sentence"), len(r.Scenarios.Failures))
}

// list prints what ran.
func (r *tested) list(w io.Writer) {
	for _, one := range r.Rego.Results {
		result := "passed"
		if !one.Passed {
			result = "failed"
		}
		fmt.Fprintf(w, "%s:%d: %s %s in %.3f s\n", one.File, one.Line, one.Name, result, one.Seconds)
	}
	for _, title := range r.Scenarios.Titles {
		fmt.Fprintf(w, "scenario played: %s\n", title)
	}
}

// indented writes text with an indent before each line.
func indented(text, indent string) string {
	return indent + strings.ReplaceAll(text, "\n", "\n"+indent)
}
