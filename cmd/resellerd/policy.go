package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"resellerd/policies"
)

// policyCommand is what a security team does with a policy tree.
type policyCommand struct {
	Check   policyCheckCommand  `cmd:"" help:"Say what is wrong with a policy tree, where, and what to do."`
	Test    policyTestCommand   `cmd:"" help:"Run a policy tree's tests and scenarios, or find what they do not notice."`
	Explain explainCommand      `cmd:"" help:"Say why a user may or may not do something."`
	Replay  policyReplayCommand `cmd:"" help:"Decide recorded decisions again by another policy, and say which come out otherwise."`
	Bench   policyBenchCommand  `cmd:"" help:"Say how long a policy takes to load, and to decide."`
}

// treeArgument names the policy tree that a command is about.
type treeArgument struct {
	Dir string `arg:"" optional:"" help:"Directory of the policy tree; the embedded one by default." placeholder:"DIR"`
}

// tree opens the policy tree, and says where it comes from.
func (a treeArgument) tree() (tree fs.FS, source string, err error) {
	if a.Dir == "" {
		return policies.Embedded(), "embedded", nil
	}
	if info, err := os.Stat(a.Dir); err != nil || !info.IsDir() {
		return nil, "", usagef("policies %q: no such directory", a.Dir)
	}
	return os.DirFS(a.Dir), "directory", nil
}

// path is a file of the tree as the shell that called would name it.
func (a treeArgument) path(file string) string {
	if a.Dir == "" || file == "" {
		return file
	}
	return filepath.Join(a.Dir, filepath.FromSlash(file))
}

// count writes a number of things: "1 finding", "2 findings".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
