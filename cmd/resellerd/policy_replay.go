package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"resellerd/policies"
	"resellerd/server/replay"
)

type policyReplayCommand struct {
	Policies string    `help:"Directory or bundle of the policy that decides; the embedded one by default." placeholder:"DIR|BUNDLE"`
	Was      string    `help:"Directory or bundle of the policy in force: say which rules differ, and how many decisions reach them." placeholder:"DIR|BUNDLE"`
	Should   string    `help:"With --was: list by account and user what decisions of that policy allowed and this one does not." placeholder:"DIR|BUNDLE"`
	From     time.Time `help:"Only decisions from this time on, in the format of RFC 3339." placeholder:"TIME"`
	To       time.Time `help:"Only decisions before this time." placeholder:"TIME"`
	Log      []string  `help:"Files of a decision log; - is the standard input." required:"" placeholder:"FILE"`
	Database string    `help:"Store, as sqlite:FILE or postgres://…: count how many of its rows a list shows that differs." placeholder:"URL"`
	FailOn   []string  `help:"Kinds of differences that end with exit code 4: any, deny_to_allow, allow_to_deny, error, filter, view, columns, reasons, undecidable; or never." default:"any" placeholder:"KIND"`
	Format   string    `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// replayTimeout limits one evaluation. It is longer than a server's limit, so that a
// busy machine causes no differences.
const replayTimeout = 10 * time.Second

// flipError says that a replay found what --fail-on names.
type flipError struct{ error }

// failKinds are the values of --fail-on.
var failKinds = func() []string {
	all := []string{"any", "undecidable", "never"}
	for _, kind := range replay.Kinds {
		all = append(all, string(kind))
	}
	return all
}()

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

func (c *policyReplayCommand) replay(ctx context.Context, t terminal) (report *replay.Report, err error) {
	if c.Should != "" && c.Was == "" {
		return nil, usagef("--should needs --was, the policy whose decisions are looked at")
	}
	if c.Should != "" {
		c.Policies = c.Should
	}
	engine, err := fastEngine(ctx, c.Policies)
	if err != nil {
		return nil, err
	}
	o := replay.Options{From: c.From, To: c.To, Exposed: c.Should != ""}
	if c.Was != "" {
		if o.Was, err = fastEngine(ctx, c.Was); err != nil {
			return nil, err
		}
	}
	err = t.openLogs(c.Log, "replay", func(files []replay.Source) (err error) {
		report, err = replay.Run(ctx, engine, files, o)
		return err
	})
	if err != nil || c.Database == "" {
		return report, err
	}
	st, err := (&lookSettings{Database: c.Database}).open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return report, report.Count(ctx, st, o.Was, engine)
}

// fastEngine loads a policy that has to answer many questions.
func fastEngine(ctx context.Context, path string) (*policies.Engine, error) {
	engine, err := (&policySettings{Policies: path, PolicyTimeout: replayTimeout}).engine(ctx)
	if err == nil {
		err = engine.Fast()
	}
	return engine, err
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
	if c.Should != "" {
		return c.exposedVerdict(r)
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

// exposedVerdict is the verdict of a replay with --should. Decisions that cannot be
// repeated may have given too much.
func (c *policyReplayCommand) exposedVerdict(r *replay.Report) error {
	var found []string
	if len(r.Exposed) > 0 {
		found = append(found, "the policy allowed what it should not have, to "+count(users(r.Exposed), "user"))
	}
	if r.Open() > 0 {
		found = append(found, count(r.Open(), "decision")+" cannot be repeated")
	}
	switch {
	case r.Entries == 0:
		return fmt.Errorf("replay: no decision of the log is by the policy of --was %s at these times", c.Was)
	case len(found) == 0 || slices.Contains(c.FailOn, "never"):
		return nil
	}
	return flipError{fmt.Errorf("replay: %s", strings.Join(found, ", "))}
}

func printReplay(w io.Writer, r *replay.Report) {
	fmt.Fprintf(w, "policy %s over %s: %d the same, %d flipped, %d undecidable\n",
		r.Policy, count(r.Entries, "decision"), r.Same, r.Flipped, r.Open())
	if r.Beside > 0 {
		fmt.Fprintf(w, "%s at other times or of other policies are left out\n", count(r.Beside, "decision"))
	}
	if r.Reaching != nil {
		fmt.Fprintf(w, "%s and %s differ, and %s reach one of them%s\n", count(len(r.Changed), "rule"), count(r.Data, "part")+" of the data",
			count(*r.Reaching, "decision"), proof(r))
		for _, rule := range r.Changed {
			fmt.Fprintf(w, "  rule %s  %s  %s:%d\n", rule.Change, rule.Rule, rule.File, rule.Line)
		}
	}
	if r.Refusals > 0 {
		fmt.Fprintf(w, "%s of the server itself are not decided again\n", count(r.Refusals, "refusal"))
	}
	for _, what := range slices.Sorted(maps.Keys(r.Undecidable)) {
		why := "because of the mask: %d by " + what
		switch what {
		case "profile":
			why = "because their profile is not in the log: %d"
		case "error":
			why = "because the policy fails on them: %d"
		case "answer":
			why = "because their answer is not in the log: %d"
		case "truncated":
			why = "because they are truncated: %d"
		}
		fmt.Fprintf(w, "  undecidable "+why+"\n", r.Undecidable[what])
	}
	if r.Exposed != nil {
		printExposed(w, r)
		return
	}
	for i, g := range r.Groups {
		if i == shownGroups {
			fmt.Fprintf(w, "\nand %d more groups, all of them with --format json\n", len(r.Groups)-i)
			break
		}
		fmt.Fprintf(w, "\n%s%s  %d  account %s  area %s  by %s\n", g.Kind, directed(g), g.Count, g.Account, g.Area, orDash(g.Rule))
		if len(g.Added)+len(g.Removed) > 0 {
			printTerms(w, "  + ", g.Added)
			printTerms(w, "  - ", g.Removed)
		} else {
			fmt.Fprintf(w, "  was  %s\n  now  %s\n", g.Was, g.Now)
		}
		if g.Rows != nil {
			fmt.Fprintf(w, "  rows %s  ->  %s, in the store as it is now\n", orUnknown(g.Rows.Was), orUnknown(g.Rows.Now))
		}
		if g.Because != "" {
			fmt.Fprintf(w, "  see  %s\n", g.Because)
		}
		fmt.Fprintf(w, "  as in %s\n", strings.Join(g.Examples, ", "))
	}
}

func orUnknown(n *int) string {
	if n == nil {
		return "not known"
	}
	return strconv.Itoa(*n)
}

// directed says whether a list shows more or less. Other kinds say so themselves.
func directed(g *replay.Group) string {
	if g.Direction == "" || g.Kind != replay.Filter && g.Kind != replay.View && g.Kind != replay.Columns {
		return ""
	}
	return " (" + string(g.Direction) + ")"
}

func printTerms(w io.Writer, before string, terms []string) {
	for _, term := range terms {
		fmt.Fprintf(w, "%s%s\n", before, term)
	}
}

// proof warns of a log that says nothing about a change.
func proof(r *replay.Report) string {
	if provesNothing(r) {
		return ": the log proves nothing about them"
	}
	return ""
}

// provesNothing reports whether the policies differ and no decision of the log shows how.
func provesNothing(r *replay.Report) bool {
	return r.Reaching != nil && *r.Reaching == 0 && len(r.Changed)+r.Data > 0
}

// printExposed prints what users did and saw and should not have.
func printExposed(w io.Writer, r *replay.Report) {
	exposed := r.Exposed
	switch {
	case r.Open() > 0:
		fmt.Fprintf(w, "%s cannot be repeated, and may have given too much\n", count(r.Open(), "decision"))
	case len(exposed) == 0 && r.Entries > 0:
		fmt.Fprintln(w, "nobody did or saw anything that the policy does not allow")
	}
	for i, x := range exposed {
		if i == 0 || exposed[i-1].Account != x.Account || exposed[i-1].User != x.User {
			fmt.Fprintf(w, "\naccount %s  user %s\n", x.Account, x.User)
		}
		fmt.Fprintf(w, "  %s  %s, from %s to %s\n", x.What, count(x.Count, "time"), x.First.Format(time.RFC3339), x.Last.Format(time.RFC3339))
		if len(x.Rows) > 0 {
			fmt.Fprintf(w, "    %s%s\n", strings.Join(x.Rows, " "), ellipsis(x.More))
		}
		printTerms(w, "    where ", x.Where)
		if x.Further {
			fmt.Fprintln(w, "    where …")
		}
		fmt.Fprintf(w, "    as in %s\n", strings.Join(x.Examples, ", "))
	}
}

// users counts the users of exposures, which are sorted by user.
func users(exposed []*replay.Exposure) int {
	n := 0
	for i, x := range exposed {
		if i == 0 || exposed[i-1].Account != x.Account || exposed[i-1].User != x.User {
			n++
		}
	}
	return n
}

func ellipsis(more bool) string {
	if more {
		return " …"
	}
	return ""
}

// shownGroups is how many groups the text output shows.
const shownGroups = 20

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
