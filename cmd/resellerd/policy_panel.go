package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"resellerd/server/replay"
	"resellerd/store"
)

// panelLog is a decision log that holds decisions of the panel's own.
type panelLog struct {
	Log      []string `arg:"" help:"Files of a decision log; - is the standard input." placeholder:"LOG"`
	Policies string   `help:"Directory or bundle of the policy; the embedded one by default." placeholder:"DIR|BUNDLE"`
	Format   string   `help:"Output format: text or json." enum:"text,json" default:"text"`
}

type disagreementsCommand struct{ panelLog }

// Run lists the disagreements. It fails with exitDecide if there are any: somebody decides
// which side is right.
func (c *disagreementsCommand) Run(ctx context.Context, t terminal) error {
	engine, err := (&policySettings{Policies: c.Policies, PolicyTimeout: replayTimeout}).engine(ctx)
	if err != nil {
		return err
	}
	var found *replay.Disagreements
	if err := t.openLogs(c.Log, "disagreements", func(files []replay.Source) (err error) {
		found, err = replay.Disagree(ctx, engine, files)
		return err
	}); err != nil {
		return err
	}
	if c.Format == "json" {
		err = printJSON(t.out, found)
	} else {
		printDisagreements(t.out, found)
	}
	return errors.Join(err, unreadable(found), undecided(found.Disagreed, "disagreement"))
}

// unreadable returns an error if the log has lines that cannot be read, or no decision of
// a panel.
func unreadable(d *replay.Disagreements) error {
	switch {
	case d.Unreadable > 0:
		return fmt.Errorf("%s cannot be read, the first: %s", count(d.Unreadable, "line"), d.FirstFault)
	case d.Compared == 0:
		return errors.New("no decision has the panel's own beside it: send it as context.panel_decision")
	}
	return nil
}

// undecided returns an error if a person has to decide about n things.
func undecided(n int, thing string) error {
	if n == 0 {
		return nil
	}
	return decideError{errors.New(count(n, thing))}
}

func printDisagreements(w io.Writer, d *replay.Disagreements) {
	printCompared(w, d)
	for i, g := range d.Groups {
		if i == shownGroups {
			fmt.Fprintf(w, "\nand %d more groups, all of them with --format json\n", len(d.Groups)-i)
			break
		}
		fmt.Fprintf(w, "\nthe panel says %s, resellerd does not  %d  %s %s  account %s  by %s\n", g.Panel, g.Count, g.Action, g.Area, g.Account, g.Rule)
		fmt.Fprintf(w, "  users %s\n  to agree: %s\n  as in %s\n", orDash(strings.Join(g.Users, ", ")), g.Fix, strings.Join(g.Examples, ", "))
	}
}

// printCompared prints which areas agree.
func printCompared(w io.Writer, d *replay.Disagreements) {
	fmt.Fprintf(w, "%s compared with the panel's own: %d differ\n", count(d.Compared, "decision"), d.Disagreed)
	if d.Unresolved > 0 {
		fmt.Fprintf(w, "%s left out, because the log does not have the user's profile\n", count(d.Unresolved, "decision"))
	}
	width := 0
	for area := range d.Areas {
		width = max(width, len(area))
	}
	for _, area := range slices.Sorted(maps.Keys(d.Areas)) {
		a, what := d.Areas[area], "agree"
		if a.Disagreed > 0 {
			what = fmt.Sprintf("%d differ", a.Disagreed)
		}
		fmt.Fprintf(w, "  %-*s  %s  %s\n", width, area, count(a.Compared, "decision"), what)
	}
}

type learnCommand struct {
	panelLog
	Database string `help:"The store, to compare the groups with the ceilings of the accounts." placeholder:"URL"`
}

// Run proposes groups. It writes nothing to the store. It fails with exitDecide if a
// decision would still differ.
func (c *learnCommand) Run(ctx context.Context, t terminal) (err error) {
	engine, err := (&policySettings{Policies: c.Policies, PolicyTimeout: replayTimeout}).engine(ctx)
	if err != nil {
		return err
	}
	var ceilings replay.Ceilings
	if c.Database != "" {
		st, err := (&lookSettings{Database: c.Database}).open(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, st.Close()) }()
		ceilings = ceilingsIn(st)
	}
	var lesson *replay.Lesson
	if err := t.openLogs(c.Log, "learn", func(files []replay.Source) (err error) {
		lesson, err = replay.Learn(ctx, engine, ceilings, files)
		return err
	}); err != nil {
		return err
	}
	if c.Format == "json" {
		err = printJSON(t.out, lesson)
	} else {
		printLesson(t.out, lesson, c.Database == "")
	}
	return errors.Join(err, unreadable(&lesson.Disagreements), undecided(lesson.Differ, "decision"))
}

// ceilingsIn reads the ceilings of an account and of those above it from a store.
func ceilingsIn(st *store.Store) replay.Ceilings {
	return func(ctx context.Context, tenant, account string) (all []store.Access, err error) {
		err = st.Read(ctx, tenant, func(tx *store.Tx) error {
			chain, err := tx.AccountChain(ctx, account)
			for _, a := range chain {
				all = append(all, a.Ceiling)
			}
			return err
		})
		return all, err
	}
}

func printLesson(w io.Writer, l *replay.Lesson, unlimited bool) {
	printCompared(w, &l.Disagreements)
	for _, p := range l.Proposals {
		fmt.Fprintf(w, "\na group of account %s for %s: %s\n", p.Account, count(len(p.Users), "user"), strings.Join(p.Users, ", "))
		for _, area := range slices.Sorted(maps.Keys(p.Rows)) {
			fmt.Fprintf(w, "  %s: %s", area, strings.Join(p.Rows[area], " "))
			if cut := p.Above[area]; len(cut) > 0 {
				fmt.Fprintf(w, "  (a ceiling takes away: %s)", strings.Join(cut, " "))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintf(w, "\nwith these groups, %s agree, %d differ, %d cannot be repeated\n", count(l.Agree, "decision"), l.Differ, l.Open)
	for i, r := range l.Remaining {
		if i == shownGroups {
			fmt.Fprintf(w, "  and %d more, all of them with --format json\n", len(l.Remaining)-i)
			break
		}
		fmt.Fprintf(w, "  the panel says %s  %d  %s %s  account %s  by %s  as in %s\n", r.Panel, r.Count, r.Action, r.Area, r.Account, r.Rule, r.Example)
	}
	if unlimited {
		fmt.Fprintln(w, "\nThe ceilings of accounts are not in the log. Name the store with --database to compare with them.")
	}
	fmt.Fprintln(w, "\nNothing is written. Create each group with POST /v1/groups, and try it with dry_run=true first.")
}
