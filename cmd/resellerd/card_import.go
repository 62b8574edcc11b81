package main

import (
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
	File        string   `arg:"" help:"CSV, XLSX, NDJSON or open rate card JSON."`
	Card        string   `help:"The card to import into." required:"" placeholder:"ID"`
	Mode        string   `help:"replace: the file holds the whole card; amend: rates that it does not name stay." enum:"replace,amend" required:""`
	Base        string   `help:"The active revision that an amendment was made for." placeholder:"REVISION"`
	Apply       bool     `help:"Write drafts; without it, only preview."`
	SkipRefused bool     `help:"Apply without the refused lines."`
	Sheet       []string `help:"Sheets of a workbook to read; * for all." placeholder:"NAME"`
	Columns     string   `help:"Names of the columns of CSV or XLSX in their order, comma-separated; - for one to ignore." placeholder:"NAMES"`
	Encoding    string   `help:"Encoding of the file: utf-8, utf-16, windows-1252 or latin1." placeholder:"NAME"`
	Delimiter   string   `help:"Delimiter of CSV: a character, or tab." placeholder:"CHAR"`
	Decimal     string   `help:"Decimal mark, . or , if prices do not show it." placeholder:"MARK"`
	Commas      string   `help:"list: 447,712 is two prefixes; thousands: it is one." placeholder:"WORD"`
	NANP        string   `name:"nanp" help:"true: prefixes are NPA-NXX; false: they are not." placeholder:"BOOL"`
	Exit        string   `help:"011: remove this exit code from the beginning of prefixes." placeholder:"011"`
	Zone        string   `help:"Time zone of dates without one." placeholder:"ZONE"`
	MCD         string   `name:"mcd" help:"Minimum charged seconds, if the file has none." placeholder:"N"`
	Pulse       string   `help:"Seconds of a billing step, if the file has none." placeholder:"N"`
	OpenCard    string   `help:"Card to read from open rate card JSON with several cards." placeholder:"NAME"`
}

func (c *cardImportCommand) query() url.Values {
	q := url.Values{"mode": {c.Mode}, "name": {filepath.Base(c.File)}}
	for name, value := range map[string]string{
		"base": c.Base, "columns": c.Columns, "encoding": c.Encoding, "delimiter": c.Delimiter, "decimal": c.Decimal, "commas": c.Commas, "nanp": c.NANP,
		"exit": c.Exit, "zone": c.Zone, "mcd": c.MCD, "pulse": c.Pulse, "card": c.OpenCard,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for _, sheet := range c.Sheet {
		q.Add("sheet", sheet)
	}
	if c.Apply {
		q.Set("apply", "true")
	}
	if c.SkipRefused {
		q.Set("skip_refused", "true")
	}
	return q
}

// Run sends the file and prints the result.
func (c *cardImportCommand) Run(ctx context.Context, t terminal) (err error) {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return usagef("%s is not a file", c.File)
	}
	way, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.close()) }()
	text, err := c.send(ctx, t, way, file, info.Size())
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(t.out, json.RawMessage(text))
	}
	return printImport(t.out, text)
}

func (c *cardImportCommand) send(ctx context.Context, t terminal, way *apiClient, file io.Reader, size int64) ([]byte, error) {
	bar := t.progress("importing "+filepath.Base(c.File), int(size))
	defer bar.done()
	answer, err := way.transfer(ctx, http.MethodPost, cardPath(c.Card, "import"), c.query(), moving{file, bar}, size,
		http.Header{"Content-Type": {"application/octet-stream"}})
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

// printImport prints a report as text.
func printImport(w io.Writer, text []byte) error {
	var r struct {
		Applied bool
		cardfile.Report
		Revisions []struct {
			ID, Status                                     string
			LiveAt                                         *time.Time `json:"live_at"`
			Rows                                           int64
			Created, Up, Down, Changed, Removed, Unchanged *int64 // nil if the card's rates are hidden
		}
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	l := r.Lines
	fmt.Fprintf(w, "%s: %d lines: %d priced, %d repeated, %d superseded, %d refused, %d blank, %d headings, %d totals\n",
		strings.ToUpper(r.Format), l.Read, l.Priced, l.Repeated, l.Superseded, l.Refused, l.Blank, l.Headings, l.Totals)
	for _, x := range r.Refusals {
		cell := ""
		if x.Column != "" {
			cell = fmt.Sprintf("%s %q ", x.Column, x.Cell)
		}
		fmt.Fprintf(w, "refused  %s: %s%s\n", x.Place, cell, onCommandLine("", x.Reason))
	}
	for _, x := range r.Warnings {
		fmt.Fprintf(w, "note     %s\n", onCommandLine("", x))
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "in force\trows\tcreated\tup\tdown\tchanged\tremoved\tunchanged\trevision")
	for _, x := range r.Revisions {
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
	if err := out.Flush(); err != nil || r.Applied {
		return err
	}
	_, err := fmt.Fprintln(w, "Preview only. Add --apply to write it.")
	return err
}

// toldCount returns a number as text, or a dash if the number is hidden.
func toldCount(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}
