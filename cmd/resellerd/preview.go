package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"resellerd/server"
	"resellerd/server/insight"
)

// previewCommand shows what a user may do and sees, and compares it with something
// else.
type previewCommand struct {
	User        string    `arg:"" optional:"" help:"The user, by id or external id." placeholder:"USER"`
	AllUsers    bool      `help:"With --policies: compare what all users of the store see and may do."`
	Database    string    `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Against     string    `help:"Another user to compare with." placeholder:"USER"`
	Policies    string    `help:"Directory or bundle of a policy tree to compare with. The exit code is 5 if somebody sees or may do more." placeholder:"DIR|BUNDLE"`
	At          time.Time `help:"Time of the decisions in the format of RFC 3339; now by default." placeholder:"TIME"`
	GroupChange string    `help:"A planned change of a group, user, account or assignment to compare with, in YAML." placeholder:"FILE"`
	Format      string    `help:"Output format: text, json, or markdown for the changes of --policies alone." enum:"text,json,markdown" default:"text"`
}

// Run prints the preview. It writes to the audit trail that somebody looked, and
// changes nothing else.
func (c *previewCommand) Run(ctx context.Context, k *kong.Context, l *layers, t terminal) (err error) {
	look := lookSettings{Database: c.Database, Policies: c.Policies}
	if l.from(k, "policies") == "flag" {
		look.Policies = l.settled("policies")
	}
	q, err := c.question(ctx, &look)
	if err != nil {
		return err
	}
	if q.Policies == nil && (c.AllUsers || c.Format == "markdown") {
		return usagef("--all-users and --format markdown need --policies")
	}
	if c.AllUsers == (c.User != "") {
		return usagef("name a user, or give --all-users with --policies")
	}
	i, st, err := look.inspector(ctx, t.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	var p *insight.Preview
	if !c.AllUsers {
		if p, err = i.Preview(ctx, q); err != nil {
			return err
		}
	}
	if q.Policies == nil {
		return c.print(t.out, p, nil)
	}
	changes, err := i.ComparePolicies(ctx, insight.PolicyQuestion{User: c.User, Policies: q.Policies, At: c.At, Audited: p != nil})
	if err != nil {
		return err
	}
	if err := c.print(t.out, p, changes); err != nil {
		return err
	}
	if changes.More() {
		return decideError{errors.New("the policy lets somebody see or do more: a person has to decide")}
	}
	return nil
}

// comparedPreview is a preview with the changes that another policy makes.
type comparedPreview struct {
	*insight.Preview
	Policies *insight.PolicyChanges `json:"policies,omitempty"`
}

// print prints a preview, the changes of another policy, or both.
func (c *previewCommand) print(w io.Writer, p *insight.Preview, changes *insight.PolicyChanges) error {
	switch {
	case c.Format == "json":
		return printJSON(w, comparedPreview{p, changes})
	case c.Format == "markdown":
		return printChanges(w, changes, true)
	case changes == nil:
		return printPreview(w, p)
	}
	if p != nil {
		p.Against = "" // the changes say more
		if err := printPreview(w, p); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	return printChanges(w, changes, false)
}

// question reads what to compare with. At most one flag may say so.
func (c *previewCommand) question(ctx context.Context, look *lookSettings) (q insight.PreviewQuestion, err error) {
	q = insight.PreviewQuestion{User: c.User, Against: c.Against, At: c.At}
	candidate := ""
	if c.Policies != look.Policies {
		candidate = c.Policies
	}
	given := 0
	for _, with := range []string{c.Against, candidate, c.GroupChange} {
		if with != "" {
			given++
		}
	}
	if given > 1 {
		return q, usagef("compare with one of --against, --policies and --group-change")
	}
	if candidate != "" {
		if q.Policies, err = look.engine(ctx, candidate); err == nil {
			err = q.Policies.Fast()
		}
		if err != nil {
			return q, err
		}
	}
	if c.GroupChange != "" {
		q.Change, err = readChange(c.GroupChange)
	}
	return q, err
}

// readChange reads a proposed change from a YAML file. JSON is valid YAML.
func readChange(path string) (*insight.Change, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	if text, err = json.Marshal(tree); err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	change, err := server.ParseChange(text)
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	return change, nil
}

// printPreview prints a preview as text.
func printPreview(w io.Writer, p *insight.Preview) error {
	text := &page{}
	text.section("What %s may do and sees", p.User)
	var rows [][]string
	for _, a := range p.Areas {
		rows = append(rows, []string{a.Area, listed(a.Access), counted(a)})
	}
	text.table(rows)
	for _, a := range p.Areas {
		text.firstRows(a)
	}
	if p.Against != "" {
		text.differences(p)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func counted(a insight.AreaPreview) string {
	if a.Visible == nil {
		return ""
	}
	return fmt.Sprintf("sees %d of %d", *a.Visible, *a.Of)
}

func (p *page) firstRows(a insight.AreaPreview) {
	if len(a.First) == 0 {
		return
	}
	p.section("The first of %s", a.Area)
	for _, row := range a.First {
		p.line("  as %s: %s", row.View, row.Row)
	}
}

func (p *page) differences(x *insight.Preview) {
	p.section("Against %s", x.Against)
	if len(x.Difference) == 0 {
		p.line("  nothing differs")
	}
	for _, d := range x.Difference {
		p.area(d)
	}
}

func (p *page) area(d insight.AreaDifference) {
	p.line("  %s", d.Area)
	if d.Access != nil {
		p.line("    may    %s  ->  %s", listed(d.Access.Before), listed(d.Access.After))
	}
	if d.Visible != nil {
		p.line("    sees   %d  ->  %d", d.Visible.Before, d.Visible.After)
	}
	p.ids("+", d.Appear, d.Appearing)
	p.ids("-", d.Disappear, d.Vanishing)
	for _, c := range d.Shown {
		p.rows("    shows  ", c)
	}
	if d.Counted {
		p.line("    too many rows to compare: others may be shown, or in another way")
	}
	if d.Unread {
		p.line("    too many rows to compare their columns")
	}
}

// rows prints on how many rows something is added or removed.
func (p *page) rows(before string, c insight.RowsChange) {
	if c.More > 0 {
		p.line("%s+ %s on %s, such as %s", before, c.What, count(c.More, "row"), c.Example)
	}
	if c.Less > 0 {
		p.line("%s- %s on %s, such as %s", before, c.What, count(c.Less, "row"), c.Example)
	}
}

// ids prints the first ids, at most maxListed, and how many more there are. all is their
// number, or 0 if ids has all of them.
func (p *page) ids(sign string, ids []string, all int) {
	for _, id := range ids[:min(len(ids), maxListed)] {
		p.line("    %s      %s", sign, id)
	}
	if all = max(all, len(ids)); all > maxListed {
		p.line("    %s      and %d more", sign, all-maxListed)
	}
}

// maxListed is how many differing rows the text output names.
const maxListed = 5
