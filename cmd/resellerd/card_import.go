package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"resellerd/store/cardfile"
)

type cardImportCommand struct {
	actSettings
	File        string   `arg:"" optional:"" help:"CSV, XLSX, NDJSON or open rate card JSON; none with --plan."`
	Card        string   `help:"The card to import into." required:"" placeholder:"ID"`
	Mode        string   `help:"replace: the file holds the whole card; amend: rates that it does not name stay." enum:",replace,amend" default:"" placeholder:"MODE"`
	Base        string   `help:"The active revision that an amendment was made for." placeholder:"REVISION"`
	Apply       bool     `help:"Write drafts; without it, only preview."`
	Plan        string   `help:"Apply what a preview on a running server showed, without the file." placeholder:"PLAN"`
	Schedule    bool     `help:"With --apply: schedule the drafts of later dates."`
	SkipRefused bool     `help:"Apply without the refused lines."`
	Sheet       []string `help:"Sheets of a workbook to read; * for all." placeholder:"NAME"`
	Columns     string   `help:"Names of the columns of CSV or XLSX in their order, comma-separated; - for one to ignore." placeholder:"NAMES"`
	Encoding    string   `help:"Encoding of the file: utf-8, utf-16, windows-1252, latin1, windows-1251, macintosh or gb18030." placeholder:"NAME"`
	Delimiter   string   `help:"Delimiter of CSV: a character, or tab." placeholder:"CHAR"`
	Decimal     string   `help:"Decimal mark, . or , if prices do not show it." placeholder:"MARK"`
	Commas      string   `help:"list: 447,712 is two prefixes; thousands: it is one." placeholder:"WORD"`
	NANP        string   `name:"nanp" help:"true: prefixes are NPA-NXX; false: they are not." placeholder:"BOOL"`
	Exit        string   `help:"011: remove this exit code from the beginning of prefixes." placeholder:"011"`
	Zone        string   `help:"Time zone of dates without one." placeholder:"ZONE"`
	MCD         string   `name:"mcd" help:"Minimum charged seconds, if the file has none." placeholder:"N"`
	Pulse       string   `help:"Seconds of a billing step, if the file has none." placeholder:"N"`
	Profile     string   `help:"Rules for the files of a supplier; with --apply, the answers are kept there." placeholder:"NAME"`
	Confirm     []string `help:"Confirm a change or a number by the name in its question; may be repeated." placeholder:"NAME" sep:"none"`
	Map         []string `help:"Meaning of a column: COLUMN=MEANING, or COLUMN+COLUMN=prefix; may be repeated." placeholder:"COLUMN=MEANING" sep:"none"`
	Ignore      []string `help:"Column to leave out; may be repeated." placeholder:"COLUMN" sep:"none"`
	Hyphen      string   `help:"range: 33-60 is every prefix from 33 to 60; join: it is 3360." placeholder:"WORD"`
	Round       string   `help:"up, half or down: how to round prices with more than ten decimals." placeholder:"WORD"`
	Effective   string   `help:"now, or the date from which rows without a date are in force." placeholder:"DATE"`
	LocalTime   string   `help:"earlier or later: the meaning of a time that a change of the clocks skips or repeats." placeholder:"WORD"`
	Expiry      string   `help:"ignore: import rates that end; a card has no end." placeholder:"WORD"`
	OpenCard    string   `help:"Card to read from open rate card JSON with several cards." placeholder:"NAME"`
}

func (c *cardImportCommand) query() url.Values {
	q := url.Values{}
	if c.File != "" {
		q.Set("name", strings.TrimSuffix(filepath.Base(c.File), ".gz"))
	}
	for name, value := range map[string]string{
		"mode": c.Mode, "plan": c.Plan, "base": c.Base, "columns": c.Columns, "encoding": c.Encoding, "delimiter": c.Delimiter, "decimal": c.Decimal, "commas": c.Commas, "nanp": c.NANP,
		"exit": c.Exit, "zone": c.Zone, "mcd": c.MCD, "pulse": c.Pulse, "card": c.OpenCard,
		"profile": c.Profile, "hyphen": c.Hyphen, "round": c.Round, "effective": c.Effective, "local_time": c.LocalTime, "expiry": c.Expiry,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, values := range map[string][]string{"sheet": c.Sheet, "map": c.Map, "ignore": c.Ignore, "confirm": c.Confirm} {
		for _, value := range values {
			q.Add(name, value)
		}
	}
	if c.Apply {
		q.Set("apply", "true")
	}
	if c.Schedule {
		q.Set("schedule", "true")
	}
	if c.SkipRefused {
		q.Set("skip_refused", "true")
	}
	return q
}

// Run sends the file and prints the result.
func (c *cardImportCommand) Run(ctx context.Context, t terminal) (err error) {
	file, size, err := c.file()
	if err != nil {
		return err
	}
	defer file.Close()
	way, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.close()) }()
	text, err := c.send(ctx, t, way, file, size)
	if err != nil {
		return c.questions(t, err)
	}
	if c.Format == "json" {
		err = printJSON(t.out, json.RawMessage(text))
	} else {
		err = printImport(t.out, text)
	}
	return errors.Join(err, c.refused(text))
}

// file opens the file, which is empty with --plan.
func (c *cardImportCommand) file() (file io.ReadCloser, size int64, err error) {
	switch {
	case c.Plan != "" && c.File != "":
		return nil, 0, usagef("--plan has its file: give no other one")
	case c.Plan != "" && c.URL == "":
		return nil, 0, usagef("--plan needs the running server that made it: give --url")
	case c.Plan != "":
		return io.NopCloser(strings.NewReader("")), 0, nil
	case c.File == "":
		return nil, 0, usagef("a file is needed, or --plan")
	}
	opened, err := os.Open(c.File)
	if err != nil {
		return nil, 0, err
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = usagef("%s is not a file", c.File)
	}
	if err != nil {
		return nil, 0, errors.Join(err, opened.Close())
	}
	return opened, info.Size(), nil
}

// refused returns an error if lines are refused that the caller does not skip.
func (c *cardImportCommand) refused(text []byte) error {
	var r cardfile.Report
	if err := json.Unmarshal(text, &r); err != nil || r.Lines.Refused == 0 || c.SkipRefused && r.Blocking == 0 {
		return err
	}
	what := fmt.Sprintf("%d lines are refused", r.Lines.Refused)
	if r.Lines.Refused == 1 {
		what = "1 line is refused"
	}
	if r.Blocking > 0 {
		return decideError{fmt.Errorf("%s: correct the file, because some lines that block their prefixes cannot be skipped", what)}
	}
	return decideError{fmt.Errorf("%s: correct the file, or add --skip-refused", what)}
}

// questions prints what the file was taken for and the questions of an import. It returns a decideError for questions and
// refused lines, and any other error unchanged.
func (c *cardImportCommand) questions(t terminal, err error) error {
	var p *problemError
	if !errors.As(err, &p) {
		return err
	}
	asks := len(p.Questions) > 0
	if c.Format == "json" && (asks || len(p.Mapping) > 0) {
		if err := printJSON(t.out, p.raw); err != nil {
			return err
		}
	} else if err := printMapping(t.out, p.Mapping); err != nil {
		return err
	}
	switch {
	case !asks && p.Field == "skip_refused":
		return decideError{err}
	case !asks:
		return err
	case c.Format == "json":
		return decideError{errors.New(openQuestions(len(p.Questions)))}
	}
	if len(p.Revisions) > 0 {
		if err := printRevisions(t.out, p.Revisions); err != nil {
			return err
		}
	}
	for _, q := range p.Questions {
		text := onCommandLine("", q.Text)
		if q.Line != 0 && !strings.HasPrefix(text, q.Place.String()) {
			text = q.Place.String() + ": " + text
		}
		fmt.Fprintf(t.out, "question %s\n", text)
		for _, choice := range q.Choices {
			fmt.Fprintf(t.out, "         --%s %s\n", strings.ReplaceAll(choice.Parameter, "_", "-"), quoted(choice.Value))
			if choice.Effect != "" {
				fmt.Fprintf(t.out, "             %s\n", choice.Effect)
			}
		}
	}
	return decideError{errors.New(openQuestions(len(p.Questions)) + ": answer each with one of its options")}
}

func openQuestions(n int) string {
	if n == 1 {
		return "1 question is open"
	}
	return fmt.Sprintf("%d questions are open", n)
}

// quoted quotes a value for a shell where that is needed.
func quoted(value string) string {
	if value != "" && strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=+:._,-/") == "" {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// printMapping prints what each column of a file means.
func printMapping(w io.Writer, mapping []cardfile.Mapped) error {
	if len(mapping) == 0 {
		return nil
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "column\tvalues\tmeaning")
	for _, m := range mapping {
		meaning := m.Meaning
		switch {
		case m.Currency != "" && m.Unit != "":
			meaning += fmt.Sprintf(": %s, unit %s", m.Currency, m.Unit)
		case m.Unit != "":
			meaning += ": " + m.Unit
		case m.Note != "":
			meaning += ": " + m.Note
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", m.Column, strings.Join(m.Samples, ", "), meaning)
	}
	return out.Flush()
}

func (c *cardImportCommand) send(ctx context.Context, t terminal, way *apiClient, file io.Reader, size int64) ([]byte, error) {
	bar := t.progress("importing "+filepath.Base(cmp.Or(c.File, c.Plan)), int(size))
	defer bar.done()
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	packed := bufio.NewReader(file)
	if begin, err := packed.Peek(2); err == nil && string(begin) == "\x1f\x8b" {
		header.Set("Content-Encoding", "gzip")
	}
	answer, err := way.transfer(ctx, http.MethodPost, cardPath(c.Card, "import"), c.query(), moving{packed, bar}, size, header)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	return io.ReadAll(answer)
}

// moving advances a progress bar as it is read.
type moving struct {
	io.Reader
	bar *progress
}

func (m moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.bar.add(n)
	return n, err
}

// importedRevision is what an import would change at one time.
type importedRevision struct {
	ID, Status                                     string
	LiveAt                                         *time.Time `json:"live_at"`
	Rows                                           int64
	Created, Up, Down, Changed, Removed, Unchanged *int64 // nil if the card's rates are hidden
	Rises, Falls                                   []priceMove
	Longer                                         []struct {
		Prefix string
		Kept   int64
	}
	LongerTotal int `json:"longer_total"`
}

// priceMove is a price that rises or falls.
type priceMove struct {
	Prefix, Was, Is string
	Call            bool   // the cost of a call of one minute
	Under           string // the prefix is new, and this shorter one applied before
}

// printImport prints a report as text.
func printImport(w io.Writer, text []byte) error {
	var r struct {
		Applied bool
		Plan    string
		cardfile.Report
		Revisions []importedRevision
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	if err := printMapping(w, r.Mapping); err != nil {
		return err
	}
	l := r.Lines
	fmt.Fprintf(w, "%s: %d lines: %d priced, %d repeated, %d superseded, %d refused, %d blank, %d headings, %d totals, %d notes\n",
		strings.ToUpper(r.Format), l.Read, l.Priced, l.Repeated, l.Superseded, l.Refused, l.Blank, l.Headings, l.Totals, l.Notes)
	for _, x := range r.Refusals {
		cell := ""
		if x.Column != "" {
			cell = fmt.Sprintf("%s %q ", x.Column, x.Cell)
		}
		fmt.Fprintf(w, "refused  %s: %s%s\n", x.Place, cell, onCommandLine("", x.Reason))
	}
	for _, x := range r.Notes {
		fmt.Fprintf(w, "text     %s: %s\n", x.Place, x.Text)
	}
	for _, x := range r.Revisions {
		for _, y := range x.Longer {
			fmt.Fprintf(w, "note     %s changes, and %d longer prefixes keep their rates\n", y.Prefix, y.Kept)
		}
		if more := x.LongerTotal - len(x.Longer); more > 0 {
			fmt.Fprintf(w, "note     %d more prefixes change, and longer ones keep their rates\n", more)
		}
	}
	for _, x := range r.Warnings {
		fmt.Fprintf(w, "note     %s\n", onCommandLine("", x))
	}
	if err := printRevisions(w, r.Revisions); err != nil || r.Applied {
		return err
	}
	if r.Plan != "" {
		_, err := fmt.Fprintf(w, "Preview only. To write it, add --apply, or give --plan %s --apply without the file.\n", r.Plan)
		return err
	}
	_, err := fmt.Fprintln(w, "Preview only. Add --apply to write it.")
	return err
}

// printRevisions prints what an import changes at each time, and the prices that change most.
func printRevisions(w io.Writer, all []importedRevision) error {
	for _, x := range all {
		for _, moves := range []struct {
			verb string
			list []priceMove
		}{{"up", x.Rises}, {"down", x.Falls}} {
			for _, y := range moves.list {
				what := y.Prefix
				if y.Call {
					what = "a call of one minute to " + what
				}
				if y.Under != "" {
					what += ", new below " + y.Under + ","
				}
				fmt.Fprintf(w, "%-8s %s from %s to %s\n", moves.verb, what, y.Was, y.Is)
			}
		}
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "in force\trows\tcreated\tup\tdown\tchanged\tremoved\tunchanged\trevision")
	for _, x := range all {
		at := "now"
		if x.LiveAt != nil {
			at = x.LiveAt.Format(time.RFC3339)
		}
		fmt.Fprintf(out, "%s\t%d\t", at, x.Rows)
		for _, n := range []*int64{x.Created, x.Up, x.Down, x.Changed, x.Removed, x.Unchanged} {
			fmt.Fprintf(out, "%s\t", toldCount(n))
		}
		fmt.Fprintln(out, strings.TrimSpace(x.ID+" "+x.Status))
	}
	return out.Flush()
}

// toldCount returns a number as text, or a dash if the number is hidden.
func toldCount(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}
