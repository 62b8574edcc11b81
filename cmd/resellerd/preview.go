package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"resellerd/server"
	"resellerd/server/insight"
)

// previewCommand shows what a user may do and sees, and compares it with something
// else.
type previewCommand struct {
	User        string `arg:"" help:"The user, by id or external id." placeholder:"USER"`
	Database    string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Against     string `help:"Another user to compare with." placeholder:"USER"`
	Policies    string `help:"Directory of a policy tree to compare with." placeholder:"DIR"`
	GroupChange string `help:"A planned change of a group, user, account or assignment to compare with, in YAML." placeholder:"FILE"`
	Format      string `help:"Output format: text or json." enum:"text,json" default:"text"`
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
	i, st, err := look.inspector(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	p, err := i.Preview(ctx, q)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(t.out, p)
	}
	return printPreview(t.out, p)
}

// question reads what to compare with. At most one flag may say so.
func (c *previewCommand) question(ctx context.Context, look *lookSettings) (q insight.PreviewQuestion, err error) {
	q = insight.PreviewQuestion{User: c.User, Against: c.Against}
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
		p.line("  %s", d.Area)
		if d.Access != nil {
			p.line("    may    %s  ->  %s", listed(d.Access.Before), listed(d.Access.After))
		}
		if d.Visible != nil {
			p.line("    sees   %d  ->  %d", d.Visible.Before, d.Visible.After)
		}
		p.ids("+", d.Appear)
		p.ids("-", d.Disappear)
		if d.Counted {
			p.line("    too many rows to name those that differ")
		}
	}
}

// ids prints the first ids, at most maxListed, and how many more there are.
func (p *page) ids(sign string, ids []string) {
	for _, id := range ids[:min(len(ids), maxListed)] {
		p.line("    %s      %s", sign, id)
	}
	if len(ids) > maxListed {
		p.line("    %s      and %d more", sign, len(ids)-maxListed)
	}
}

// maxListed is how many differing rows the text output names.
const maxListed = 5
