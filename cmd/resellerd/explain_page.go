package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"resellerd/server/insight"
)

// page builds a text of sections with empty lines between them.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// section begins a part of the page.
func (p *page) section(format string, args ...any) {
	if p.Len() > 0 {
		p.line("")
	}
	p.line(format, args...)
}

// table writes rows of cells, indented and aligned.
func (p *page) table(rows [][]string) {
	var aligned strings.Builder
	w := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, cells := range rows {
		fmt.Fprintln(w, "  "+strings.Join(cells, "\t"))
	}
	_ = w.Flush() // writing to a Builder never fails
	for line := range strings.Lines(aligned.String()) {
		p.line("%s", strings.TrimRight(line, " \n"))
	}
}

var verdicts = map[string]string{"allow": "ALLOWED", "deny": "DENIED", "error": "NO DECISION (denied)"}

func (p *page) headline(x *insight.Explanation) {
	on := x.Resource.Type
	if x.Resource.ID != "" {
		on += "/" + x.Resource.ID
	}
	p.section("%s  %s %s as %s", verdicts[x.Decision], x.Action, on, x.User)
	if x.Note != "" {
		p.line("  %s", x.Note)
	}
}

func (p *page) reasons(x *insight.Explanation) {
	for _, r := range x.Reasons {
		p.line("  %s: %s", r.Code, orText(r.Description, r.Title))
	}
}

func orText(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return "(the policy says nothing more)"
}

func (p *page) rules(x *insight.Explanation) {
	if len(x.Policy.Rules) > 0 {
		p.section("%s", map[string]string{"allow": "Allowed by", "deny": "Reasons given by"}[x.Decision])
		p.table(ruleRows(x.Policy.Rules, 0))
	}
	if len(x.Policy.Failed) == 0 {
		return
	}
	last := x.Policy.Failed[len(x.Policy.Failed)-1]
	p.section("First condition that failed")
	p.line("  %s:%d  %s", last.File, last.Line, oneLine(last.Text))
	if len(last.Holds) > 0 {
		p.line("  because this held:")
		p.table(ruleRows(last.Holds, 1))
	}
	p.section("On the way there")
	var rows [][]string
	for i, c := range x.Policy.Failed {
		rows = append(rows, []string{strings.Repeat("  ", i) + c.Rule, c.Title, fmt.Sprintf("%s:%d", c.File, c.Line), oneLine(c.Text)})
	}
	p.table(rows)
}

func ruleRows(rules []insight.RuleText, indent int) [][]string {
	var rows [][]string
	for _, r := range rules {
		rows = append(rows, []string{strings.Repeat("  ", r.Depth+indent) + r.Rule, r.Title, fmt.Sprintf("%s:%d", r.File, r.Line)})
	}
	return rows
}

// oneLine returns the first line of a text, with " …" if there are more.
func oneLine(text string) string {
	first, _, more := strings.Cut(text, "\n")
	if more {
		first += " …"
	}
	return first
}

func (p *page) filter(g *insight.Grounds) {
	if g.Filter == nil {
		return
	}
	p.section("Rows: %s", map[string]string{"all": "all of them", "none": "none", "where": g.Filter.Condition}[g.Filter.Kind])
	if g.Filter.SQL != "" {
		p.line("  %s", g.Filter.SQL)
	}
	for i, arg := range g.Filter.Args {
		p.line("  %d: %v", i+1, arg)
	}
	p.section("Shown")
	for _, v := range g.Views {
		p.line("  as %s: %s", v.View, v.When)
	}
	for _, c := range g.Columns {
		p.line("  %s: %s", c.When, strings.Join(c.Columns, " "))
	}
	p.line("  never: %s", listed(g.Hidden))
}

func (p *page) access(areas []insight.AreaAccess) {
	for _, a := range areas {
		p.section("Access to %s: %s", a.Area, listed(a.Effective))
		p.table(letterRows(a.Letters))
	}
}

// letterRows returns the letters as rows. Letters with the same origin and the same
// cuts share a row.
func letterRows(letters []insight.Letter) [][]string {
	var rows [][]string
	for _, l := range letters {
		origin, fate := from(l.From), cutBy(l.CutBy)
		if n := len(rows); n > 0 && rows[n-1][1] == origin && rows[n-1][2] == fate {
			rows[n-1][0] += ", " + l.Access
			continue
		}
		rows = append(rows, []string{l.Access, origin, fate})
	}
	return rows
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func from(groups []insight.Giver) string {
	var texts []string
	for _, g := range groups {
		row := "row " + g.Row
		if g.Row == "*" {
			row = "its default"
		}
		texts = append(texts, fmt.Sprintf("from %q %s (%s)", g.Name, g.Group, row))
	}
	return strings.Join(texts, ", ")
}

func cutBy(cuts []insight.Cut) string {
	var texts []string
	for _, c := range cuts {
		switch c.By {
		case "account":
			texts = append(texts, "the ceiling of "+c.Account)
		case "policy":
			texts = append(texts, "the policy")
		default:
			texts = append(texts, "a ceiling")
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return "taken by " + strings.Join(texts, " and ")
}

func (p *page) shown(x *insight.Explanation) {
	if x.View == "" {
		return
	}
	p.section("View %s", x.View)
	p.line("  shown:  %s", strings.Join(x.Shown, " "))
	if x.Policy != nil {
		p.line("  hidden: %s", listed(x.Policy.Hidden))
	}
}
