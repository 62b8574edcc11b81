package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"resellerd/policies"
	"resellerd/policies/shipping"
)

// policyCommand works on policy trees, for security engineers.
type policyCommand struct {
	Check         policyCheckCommand   `cmd:"" help:"List the faults of a policy tree, with hints."`
	Test          policyTestCommand    `cmd:"" help:"Run the tests and scenarios of a policy tree; with --mutate, find changes that they miss."`
	Explain       explainCommand       `cmd:"" help:"Explain why a user may or may not do something."`
	Replay        policyReplayCommand  `cmd:"" help:"Repeat recorded decisions with another policy, and list the differences."`
	Disagreements disagreementsCommand `cmd:"" help:"List the decisions of a log that the panel made differently, with a fix for each."`
	Learn         learnCommand         `cmd:"" help:"Propose groups that agree with what the panel decided in a log."`
	Gate          policyGateCommand    `cmd:"" help:"Check, test, mutate, preview and replay a change of a policy, and give one report."`
	Pin           policyPinCommand     `cmd:"" help:"Keep a policy in force until it is released, whatever is delivered."`
	Confirm       policyConfirmCommand `cmd:"" help:"Let a policy come into force that gives more than --policy-max-gains allows."`
	Bench         policyBenchCommand   `cmd:"" help:"Measure how long a policy takes to load and to decide."`
}

// treeArgument names the policy tree of a command.
type treeArgument struct {
	Dir string `arg:"" optional:"" help:"Directory or bundle of the policy tree, as for serve; the embedded one by default." placeholder:"DIR|BUNDLE"`
}

// tree reads the policy tree as serve does. source is "embedded", "directory" or "bundle".
// Files that cannot be read are a *rego.LoadError.
func (a treeArgument) tree(ctx context.Context) (tree fs.FS, source string, err error) {
	if a.Dir == "" {
		return policies.Embedded(), "embedded", nil
	}
	place, err := shipping.At(a.Dir, shipping.Key{})
	if err != nil {
		return nil, "", usagef("policies %q: no such directory", a.Dir)
	}
	arrived, err := place.Read(ctx)
	return arrived.Tree, arrived.Source, err
}

// path returns the path of a file of the tree for the user's shell.
func (a treeArgument) path(file string) string {
	if a.Dir == "" || file == "" {
		return file
	}
	if info, err := os.Stat(a.Dir); err == nil && !info.IsDir() {
		return a.Dir + ":" + file // a file in a bundle
	}
	return filepath.Join(a.Dir, filepath.FromSlash(file))
}

// count writes a number and a noun: "1 finding", "2 findings".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
