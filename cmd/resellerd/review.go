package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"resellerd/server/insight"
	"resellerd/server/replay"
	"resellerd/server/resource"
)

// reviewCommand shows who has which access, for somebody to sign.
type reviewCommand struct {
	Database string    `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Policies string    `help:"Directory of a policy tree that replaces the embedded one." placeholder:"DIR"`
	Tenant   string    `help:"The master, if the store has several." placeholder:"ACCOUNT"`
	Account  string    `help:"Only the users of this account and of the accounts below it." placeholder:"ACCOUNT"`
	At       time.Time `help:"A past time in the format of RFC 3339; now by default." placeholder:"TIME"`
	Row      string    `help:"Who sees this row now: TYPE/ID." placeholder:"TYPE/ID"`
	Log      []string  `help:"Files of a decision log, to tell which access was used; - is the standard input." placeholder:"FILE" sep:"none"`
	Format   string    `help:"Output format: text to sign, csv, or ndjson." enum:"text,csv,ndjson" default:"text"`
}

// Run prints the review. It writes to the audit trail that somebody looked.
func (c *reviewCommand) Run(ctx context.Context, t terminal) (err error) {
	typ, id, isRow := strings.Cut(c.Row, "/")
	switch {
	case c.Row != "" && (!isRow || id == "" || !resource.KeepsRows(typ)):
		return usagef("--row %s: want TYPE/ID, for example customer/cus_…", c.Row)
	case c.Row != "" && (!c.At.IsZero() || len(c.Log) > 0):
		return usagef("--row tells who sees the row now: leave out --at and --log")
	case c.At.After(time.Now()):
		return usagef("--at is in the future")
	}
	engine, err := fastEngine(ctx, c.Policies)
	if err != nil {
		return err
	}
	st, err := (&lookSettings{Database: c.Database}).openAny(ctx, t.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	tenant, err := masterOf(ctx, st, c.Tenant)
	if err != nil {
		return err
	}
	q := insight.ReviewQuestion{Tenant: tenant, Account: c.Account, At: c.At}
	var usage *replay.Usage
	if len(c.Log) > 0 {
		if err := t.openLogs(c.Log, "log", func(files []replay.Source) (err error) {
			usage, err = replay.ReadUsage(ctx, engine, files)
			return err
		}); err != nil {
			return err
		}
		if usage.Unreadable > 0 { // the last line of a log that is being written is unfinished
			fmt.Fprintf(t.err, "%s of the log cannot be read, and uses in them are missing; the first: %s\n", count(usage.Unreadable, "line"), usage.FirstFault)
		}
		q.Used = usage.Of
	}
	i, out := insight.NewInspector(st, engine), bufio.NewWriter(t.out)
	if c.Row != "" {
		return errors.Join(c.whoSees(ctx, i, q, typ, id, out), out.Flush())
	}
	w, err := c.writer(out, usage, engine.Revision())
	if err == nil {
		err = i.Review(ctx, q, w.user)
	}
	if err == nil {
		err = w.end()
	}
	return errors.Join(err, out.Flush())
}

// reviewWriter writes a review user by user.
type reviewWriter interface {
	user(*insight.ReviewedUser) error
	end() error
}

func (c *reviewCommand) writer(out io.Writer, usage *replay.Usage, policy string) (reviewWriter, error) {
	switch c.Format {
	case "ndjson":
		return &reviewLines{out: json.NewEncoder(out)}, nil
	case "csv":
		w := &reviewTable{out: csv.NewWriter(out)}
		return w, w.out.Write(reviewColumns)
	}
	at := "now"
	if !c.At.IsZero() {
		at = c.At.UTC().Format(time.RFC3339)
	}
	w := &reviewPage{out: out, logged: usage != nil}
	fmt.Fprintf(out, "Access review, as of %s, by policy %s\n", at, policy)
	if usage != nil {
		fmt.Fprintf(out, "Used: by the log from %s to %s, %s\n", usage.From.UTC().Format(time.RFC3339), usage.To.UTC().Format(time.RFC3339), count(usage.Entries, "allowed decision"))
	}
	return w, nil
}

// reviewLines is a review as NDJSON. The last line says how many users there are.
type reviewLines struct {
	out *json.Encoder
	n   int
}

func (w *reviewLines) user(u *insight.ReviewedUser) error { w.n++; return w.out.Encode(u) }
func (w *reviewLines) end() error                         { return w.out.Encode(map[string]int{"users": w.n}) }

var reviewColumns = []string{"user_id", "login", "name", "external_id", "account_id", "account", "status", "area", "may", "sees", "groups", "cut_by", "used", "never_used", "ip_allow"}

// reviewTable is a review as CSV, with a row for each user and area.
type reviewTable struct{ out *csv.Writer }

func (w *reviewTable) user(u *insight.ReviewedUser) error {
	all := u.Areas
	if len(all) == 0 {
		all = []insight.ReviewedArea{{}}
	}
	for i := range all {
		a := &all[i]
		cells := []string{u.User, u.Login, u.Name, u.ExternalID, u.Account, u.AccountName, u.Status, a.Area, strings.Join(a.Effective, " "), seen(a), givenBy(a), cutsOf(a), usedOf(a), strings.Join(a.Never, " "), strings.Join(u.Networks, " ")}
		for i, cell := range cells {
			cells[i] = plainCell(cell)
		}
		if err := w.out.Write(cells); err != nil {
			return err
		}
	}
	return nil
}

func (w *reviewTable) end() error {
	w.out.Flush()
	return w.out.Error()
}

// plainCell keeps a spreadsheet from taking a text for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func seen(a *insight.ReviewedArea) string {
	if a.Sees == nil {
		return ""
	}
	return strconv.Itoa(*a.Sees)
}

func givenBy(a *insight.ReviewedArea) string {
	var names []string
	for _, letter := range a.Letters {
		for _, g := range letter.From {
			if name := orText(g.Name, g.Group); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return strings.Join(names, ", ")
}

// cutsOf names the ceilings, with the actions that each takes away.
func cutsOf(a *insight.ReviewedArea) string {
	actions := map[string][]string{}
	for _, letter := range a.Letters {
		for _, cut := range letter.CutBy {
			by := cut.By
			if cut.Account != "" {
				by = cut.Account
			}
			actions[by] = append(actions[by], letter.Access)
		}
	}
	var parts []string
	for _, by := range slices.Sorted(maps.Keys(actions)) {
		parts = append(parts, by+": "+strings.Join(actions[by], " "))
	}
	return strings.Join(parts, ", ")
}

func usedOf(a *insight.ReviewedArea) string {
	var parts []string
	for _, action := range slices.Sorted(maps.Keys(a.Used)) {
		parts = append(parts, action+" "+a.Used[action].UTC().Format(time.DateOnly))
	}
	return strings.Join(parts, ", ")
}

// reviewPage is a review as a text to sign.
type reviewPage struct {
	out          io.Writer
	logged       bool
	account      string
	users, areas int
}

func (w *reviewPage) user(u *insight.ReviewedUser) error {
	p := &page{}
	if u.Account != w.account {
		w.account = u.Account
		p.line("")
		p.line("%s (%s)", u.AccountName, u.Account)
	}
	w.users++
	who := orText(u.Login, "(deleted since)")
	if u.Name != "" {
		who = u.Name + " <" + u.Login + ">"
	}
	p.line("")
	p.line("[ ] %s  %s  %s", who, u.User, u.Status)
	for _, end := range u.Ends {
		p.line("  leaves %s", end)
	}
	if len(u.Networks) > 0 {
		p.line("  only from %s", strings.Join(u.Networks, ", "))
	}
	head := []string{"area", "may", "sees", "from", "cut by"}
	if w.logged {
		head = append(head, "used", "never used")
	}
	rows := [][]string{head}
	for i := range u.Areas {
		a := &u.Areas[i]
		cells := []string{a.Area, orDash(strings.Join(a.Effective, " ")), orDash(seen(a)), orDash(givenBy(a)), orDash(cutsOf(a))}
		if w.logged {
			cells = append(cells, orDash(usedOf(a)), orDash(strings.Join(a.Never, " ")))
		}
		rows = append(rows, cells)
	}
	if w.areas += len(u.Areas); len(u.Areas) > 0 {
		p.table(rows)
	}
	_, err := io.WriteString(w.out, p.String())
	return err
}

func (w *reviewPage) end() error {
	_, err := fmt.Fprintf(w.out, "\n%s, %s\n\nReviewed by ______________________________  Date ______________\n", count(w.users, "user"), count(w.areas, "area"))
	return err
}

// whoSees prints the users who see a row.
func (c *reviewCommand) whoSees(ctx context.Context, i *insight.Inspector, q insight.ReviewQuestion, typ, id string, out io.Writer) error {
	lines, table, n := json.NewEncoder(out), csv.NewWriter(out), 0
	page := &page{}
	rows := [][]string{{"user", "login", "account", "as", "groups"}}
	var err error
	if c.Format == "csv" {
		err = table.Write([]string{"user_id", "login", "name", "external_id", "account_id", "account", "area", "view", "groups", "columns"})
	}
	if err == nil {
		err = i.WhoSees(ctx, q, typ, id, func(v *insight.RowViewer) error {
			n++
			var groups []string
			for _, g := range v.From {
				groups = append(groups, orText(g.Name, g.Group))
			}
			switch c.Format {
			case "ndjson":
				return lines.Encode(v)
			case "csv":
				cells := []string{v.User, v.Login, v.Name, v.ExternalID, v.Account, v.AccountName, v.Area, v.View, strings.Join(groups, ", "), strings.Join(v.Columns, " ")}
				for i, cell := range cells {
					cells[i] = plainCell(cell)
				}
				return table.Write(cells)
			}
			rows = append(rows, []string{v.User, v.Login, v.AccountName, v.Area, orDash(strings.Join(groups, ", "))})
			return nil
		})
	}
	switch {
	case err != nil:
		return err
	case c.Format == "ndjson":
		return lines.Encode(map[string]int{"users": n})
	case c.Format == "csv":
		table.Flush()
		return table.Error()
	}
	page.line("%s see %s/%s", count(n, "user"), typ, id)
	page.table(rows)
	_, err = io.WriteString(out, page.String())
	return err
}
