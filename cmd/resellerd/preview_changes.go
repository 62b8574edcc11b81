package main

import (
	"cmp"
	"io"
	"strings"

	"resellerd/policies"
	"resellerd/server/insight"
)

// printChanges prints what another policy changes, as text or as Markdown for a merge
// request.
func printChanges(w io.Writer, c *insight.PolicyChanges, markdown bool) error {
	text := &page{}
	text.section("Against policy %s", c.Against)
	text.rulesAndData(c)
	for _, u := range c.Users {
		text.user(u)
	}
	if c.LeftOut > 0 {
		text.line("")
		text.line("and %s for whom something differs", count(c.LeftOut, "more user"))
	}
	if len(c.Users)+c.LeftOut+len(c.Rules)+len(c.Data) == 0 {
		text.line("  nothing differs")
	} else {
		text.line("")
		text.line("%s: %d of them see or may do more, %d less", count(c.Looked, "user"), c.Gain, c.Lose)
	}
	for _, gap := range c.Unproved {
		text.line("not proved: %s", gap)
	}
	out := text.String()
	if markdown {
		out = asMarkdown(c, out)
	}
	_, err := io.WriteString(w, out)
	return err
}

func (p *page) rulesAndData(c *insight.PolicyChanges) {
	for _, r := range c.Rules {
		p.line("  rule %s  %s  %s:%d", r.Change, r.Rule, r.File, r.Line)
	}
	for _, d := range c.Data {
		p.line("  data %s  %s: %s  ->  %s", sign(d), d.What, d.Before, d.After)
	}
}

func sign(d policies.DataChange) string {
	if d.More {
		return "more"
	}
	return "less"
}

func (p *page) user(u insight.UserChange) {
	p.line("")
	p.line("%s %s", nameOf(u), verdictOn(u))
	for _, d := range u.Areas {
		p.area(d)
	}
	for _, a := range u.Actions {
		p.rows("  may ", a)
	}
	for _, x := range u.Conditions {
		p.condition(x)
	}
}

// nameOf names a user, or a subject that the store does not know.
func nameOf(u insight.UserChange) string {
	if u.Unknown != "" {
		return "a subject of type " + u.Unknown + " that the store does not know"
	}
	return cmp.Or(u.ExternalID, u.User) + " of " + u.Account
}

func verdictOn(u insight.UserChange) string {
	switch {
	case u.More && u.Less:
		return "sees or may do more, and less"
	case u.More:
		return "sees or may do more"
	case u.Less:
		return "sees or may do less"
	default:
		return "sees and may do the same in another way"
	}
}

// condition prints the terms of a condition that differ.
func (p *page) condition(c insight.ConditionChange) {
	as := ""
	if c.Form != "" {
		as = " as " + c.Form
	}
	p.line("  %s %s%s, %s: another condition", c.Action, c.Type, as, strings.Join(c.Parts, ", "))
	for _, term := range c.Added {
		p.line("    + %s", term)
	}
	for _, term := range c.Removed {
		p.line("    - %s", term)
	}
}

// asMarkdown wraps the text for a merge request, with the users that gain or lose first.
func asMarkdown(c *insight.PolicyChanges, text string) string {
	var b strings.Builder
	b.WriteString("### What the policy changes\n\n")
	if c.More() {
		b.WriteString("**Somebody sees or may do more.**\n\n")
	}
	for _, gap := range c.Unproved {
		b.WriteString("**Not proved:** " + gap + ".\n\n")
	}
	if len(c.Users) > 0 {
		b.WriteString("| User | Account | More | Less |\n|---|---|---|---|\n")
		for _, u := range c.Users {
			b.WriteString("| `" + cmp.Or(u.ExternalID, u.User, "unknown "+u.Unknown) + "` | `" + cmp.Or(u.Account, "none") + "` | " + mark(u.More) + " | " + mark(u.Less) + " |\n")
		}
		b.WriteString("\n")
	}
	b.WriteString("<details><summary>Details</summary>\n\n~~~text\n" + strings.ReplaceAll(strings.TrimSpace(text), "~~~", "~ ~ ~") + "\n~~~\n\n</details>\n")
	return b.String()
}

func mark(yes bool) string {
	if yes {
		return "yes"
	}
	return ""
}
