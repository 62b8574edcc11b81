package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"resellerd/server/replay"
)

type policyReplayCommand struct {
	Policies string   `help:"Directory or bundle of the policy that decides; the embedded one by default." placeholder:"DIR|BUNDLE"`
	Log      []string `help:"Files of a decision log; - is the standard input." required:"" placeholder:"FILE"`
	FailOn   []string `help:"Kinds of differences that end with exit code 4: any, allow-to-deny, deny-to-allow, reasons, filter, view, error, undecidable; or never." default:"any" placeholder:"KIND"`
	Format   string   `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// replayTimeout limits one evaluation. It is longer than a server's limit, so that a
// busy machine causes no differences.
const replayTimeout = 10 * time.Second

// flipError says that a replay found what --fail-on names.
type flipError struct{ error }

var failKinds = []string{"any", "allow-to-deny", "deny-to-allow", "reasons", "filter", "view", "error", "undecidable", "never"}

// Run repeats the log's decisions. It fails with exitTests if a decision differs in a
// way that --fail-on names, and with exitError if a line cannot be read.
func (c *policyReplayCommand) Run(ctx context.Context, t terminal) error {
	for _, kind := range c.FailOn {
		if !slices.Contains(failKinds, kind) {
			return usagef("--fail-on %q: want one of %s", kind, strings.Join(failKinds, ", "))
		}
	}
	report, err := c.replay(ctx, t)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = printJSON(t.out, report)
	} else {
		printReplay(t.out, report)
	}
	return errors.Join(err, c.verdict(report))
}

func (c *policyReplayCommand) replay(ctx context.Context, t terminal) (*replay.Report, error) {
	engine, err := (&policySettings{Policies: c.Policies, PolicyTimeout: replayTimeout}).engine(ctx)
	if err == nil {
		err = engine.Fast()
	}
	if err != nil {
		return nil, err
	}
	var report *replay.Report
	err = t.openLogs(c.Log, "replay", func(files []replay.Source) (err error) {
		report, err = replay.Run(ctx, engine, files)
		return err
	})
	return report, err
}

// openLogs opens the files of a decision log, shows progress while read runs, and closes
// them. "-" is the standard input.
func (t terminal) openLogs(paths []string, what string, read func([]replay.Source) error) (err error) {
	bar := t.progress(what, totalSize(paths))
	defer bar.done()
	var files []replay.Source
	for _, path := range paths {
		f := os.Stdin
		if path != "-" {
			if f, err = os.Open(path); err != nil {
				return err
			}
			defer f.Close()
		}
		files = append(files, replay.Source{Name: path, Reader: counting{f, bar}})
	}
	return read(files)
}

// verdict returns the error that determines the exit code.
func (c *policyReplayCommand) verdict(r *replay.Report) error {
	if r.Unreadable > 0 {
		return fmt.Errorf("%s cannot be read, the first: %s", count(r.Unreadable, "line"), r.FirstFault)
	}
	var found []string
	for _, kind := range c.FailOn {
		switch {
		case kind == "any" && r.Flipped > 0:
			found = append(found, count(r.Flipped, "flip"))
		case kind == "undecidable" && r.Open() > 0:
			found = append(found, fmt.Sprintf("%d undecidable", r.Open()))
		case r.Kinds[replay.Kind(kind)] > 0:
			found = append(found, fmt.Sprintf("%d %s", r.Kinds[replay.Kind(kind)], kind))
		}
	}
	if len(found) == 0 || slices.Contains(c.FailOn, "never") {
		return nil
	}
	return flipError{fmt.Errorf("replay: %s", strings.Join(found, ", "))}
}

func printReplay(w io.Writer, r *replay.Report) {
	fmt.Fprintf(w, "policy %s over %s: %d the same, %d flipped, %d undecidable\n",
		r.Policy, count(r.Entries, "decision"), r.Same, r.Flipped, r.Open())
	if r.Refusals > 0 {
		fmt.Fprintf(w, "%s of the server itself are not decided again\n", count(r.Refusals, "refusal"))
	}
	for _, what := range slices.Sorted(maps.Keys(r.Undecidable)) {
		why := "because of the mask: %d by " + what
		switch what {
		case "profile":
			why = "because their profile is not in the log: %d"
		case "answer":
			why = "because their answer is not in the log: %d"
		case "truncated":
			why = "because they are truncated: %d"
		}
		fmt.Fprintf(w, "  undecidable "+why+"\n", r.Undecidable[what])
	}
	for i, g := range r.Groups {
		if i == shownGroups {
			fmt.Fprintf(w, "\nand %d more groups, all of them with --format json\n", len(r.Groups)-i)
			break
		}
		fmt.Fprintf(w, "\n%s  %d  account %s  area %s  by %s\n", g.Kind, g.Count, g.Account, g.Area, orDash(g.Rule))
		fmt.Fprintf(w, "  was  %s\n  now  %s\n", g.Was, g.Now)
		if g.Because != "" {
			fmt.Fprintf(w, "  see  %s\n", g.Because)
		}
		fmt.Fprintf(w, "  as in %s\n", strings.Join(g.Examples, ", "))
	}
}

// shownGroups is how many groups the text output shows.
const shownGroups = 20

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
