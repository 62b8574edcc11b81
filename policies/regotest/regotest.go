// Package regotest runs the Rego tests of a policy tree, as `opa test` does,
// and reports which lines of the policies they do not reach.
package regotest

import (
	"cmp"
	"context"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"resellerd/policies"
)

// Report holds the results of the tests of a tree.
type Report struct {
	Tests     int       `json:"tests"` // tests that ran
	Skipped   int       `json:"skipped"`
	Results   []Result  `json:"results"` // of the tests that ran, by file and line
	Failures  []Failure `json:"failures"`
	Coverage  float64   `json:"coverage"` // percent of the policies' lines
	Uncovered []Line    `json:"uncovered"`
}

// Result is a test that ran.
type Result struct {
	Name    string  `json:"name"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Passed  bool    `json:"passed"`
	Seconds float64 `json:"seconds"`
}

// Failure is a test that did not pass. Message is empty if a condition of the
// test did not hold; otherwise it is the error. Of the first 20 conditions that
// did not hold, At is the place, and Condition the text with the values in it.
type Failure struct {
	Name      string `json:"name"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Message   string `json:"message,omitempty"`
	At        *Line  `json:"at,omitempty"`
	Condition string `json:"condition,omitempty"`
	Output    string `json:"output,omitempty"` // output of print
}

// Line is a place in the tree.
type Line struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// patience is the time limit for one test.
const patience = time.Minute

// Run runs the tests of a tree whose full names match the regular expression
// names; an empty names matches all. It returns a *rego.LoadError if the tree
// does not compile.
func Run(ctx context.Context, tree fs.FS, names string) (*Report, error) {
	suite, err := Read(tree)
	if err != nil {
		return nil, err
	}
	covered := cover.New()
	runner := suite.runner(suite.modules).Filter(names).
		SetCoverageQueryTracer(covered).SetCoverageRuns(nil).CapturePrintOutput(true)
	report := &Report{Results: []Result{}, Failures: []Failure{}, Uncovered: []Line{}}
	err = suite.run(ctx, runner, func(result *tester.Result) bool {
		report.add(result)
		return true
	})
	if err != nil {
		return nil, err
	}
	report.measure(covered.Report(suite.modules))
	slices.SortFunc(report.Results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(report.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	return report, suite.explain(ctx, report.Failures)
}

func (r *Report) add(result *tester.Result) {
	if result.Skip {
		r.Skipped++
		return
	}
	r.Tests++
	name, at := result.Package+"."+result.Name, result.Location
	r.Results = append(r.Results, Result{Name: name, File: at.File, Line: at.Row, Passed: result.Pass(), Seconds: result.Duration.Seconds()})
	if result.Pass() {
		return
	}
	f := Failure{Name: name, File: at.File, Line: at.Row, Output: string(result.Output)}
	if result.Error != nil {
		f.Message = result.Error.Error()
	}
	r.Failures = append(r.Failures, f)
}

// measure counts the covered lines of policies, without those of tests.
func (r *Report) measure(covered cover.Report) {
	reached, missed := 0, 0
	for file, report := range covered.Files {
		if isTest(file) {
			continue
		}
		reached += report.CoveredLines
		missed += report.NotCoveredLines
		for _, gap := range report.NotCovered {
			for row := gap.Start.Row; row <= gap.End.Row; row++ {
				r.Uncovered = append(r.Uncovered, Line{file, row})
			}
		}
	}
	slices.SortFunc(r.Uncovered, func(a, b Line) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	r.Uncovered = slices.Compact(r.Uncovered) // a line may hold several conditions
	if reached > 0 {
		r.Coverage = 100 * float64(reached) / float64(reached+missed)
	}
}

// Suite holds the compiled tests of a tree, which can run any number of
// times. It is safe for concurrent use.
type Suite struct {
	modules  map[string]*ast.Module
	data     map[string]any
	store    storage.Store
	compiled *ast.Compiler
	tests    []test
}

// test is one test and the packages that it can reach.
type test struct {
	path    ast.Ref
	pkg     string
	reaches map[string]bool
}

// Read reads and compiles the tests of a tree. It returns a *rego.LoadError
// if the tree cannot be parsed or compiled.
func Read(tree fs.FS) (*Suite, error) {
	modules, data, err := policies.Sources(tree)
	if err != nil {
		return nil, err
	}
	suite := &Suite{modules: modules, data: data, store: inmem.NewFromObject(data)}
	suite.compiled = suite.compiler()
	if suite.compiled.Compile(modules); suite.compiled.Failed() {
		return nil, policies.Refused("compile", suite.compiled.Errors)
	}
	suite.survey(suite.compiled)
	return suite, nil
}

// compiler returns the compiler for tests. Tests may use all of OPA except
// the network.
func (s *Suite) compiler() *ast.Compiler {
	all := ast.CapabilitiesForThisVersion()
	all.AllowNet = []string{}
	return ast.NewCompiler().WithCapabilities(all).WithDefaultRegoVersion(ast.RegoV1).WithEnablePrintStatements(true)
}

// survey finds the tests and the packages that each can reach.
func (s *Suite) survey(compiler *ast.Compiler) {
	for _, module := range compiler.Modules {
		for _, rule := range module.Rules {
			if !strings.HasPrefix(rule.Head.Ref()[0].String(), tester.TestPrefix) {
				continue
			}
			found := test{path: rule.Ref().GroundPrefix(), pkg: module.Package.Path.String(), reaches: map[string]bool{}}
			reach(compiler, rule, map[*ast.Rule]bool{}, found.reaches)
			s.tests = append(s.tests, found)
		}
	}
}

func reach(compiler *ast.Compiler, rule *ast.Rule, seen map[*ast.Rule]bool, into map[string]bool) {
	if seen[rule] {
		return
	}
	seen[rule] = true
	into[rule.Module.Package.Path.String()] = true
	for next := range compiler.Graph.Dependencies(rule) {
		if next, ok := next.(*ast.Rule); ok {
			reach(compiler, next, seen, into)
		}
	}
}

func (s *Suite) runner(modules map[string]*ast.Module) *tester.Runner {
	return tester.NewRunner().SetCompiler(s.compiler()).SetStore(s.store).SetModules(modules).
		SetTimeout(patience).RaiseBuiltinErrors(true)
}

// run runs tests until each returns false. It returns a *rego.LoadError if
// they do not compile.
func (s *Suite) run(ctx context.Context, runner *tester.Runner, each func(*tester.Result) bool) error {
	txn, err := s.store.NewTransaction(ctx)
	if err != nil {
		return err
	}
	defer s.store.Abort(ctx, txn)
	until, stop := context.WithCancel(ctx)
	defer stop()
	results, err := runner.RunTests(until, txn)
	if err != nil {
		return policies.Refused("compile", err)
	}
	more := true
	for result := range results {
		if more && !each(result) {
			more = false
			stop()
		}
	}
	return ctx.Err()
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.rego") }
