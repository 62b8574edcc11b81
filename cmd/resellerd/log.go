package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"resellerd/server/decisionlog"
)

// logCommand works on decision logs.
type logCommand struct {
	Verify logVerifyCommand `cmd:"" help:"Check that a decision log was not changed, and list the lines that were."`
}

type logVerifyCommand struct {
	Files       []string `arg:"" name:"file" help:"The log's files, oldest first; - is the standard input."`
	KeyFile     []string `help:"File with a key of the chain; may be repeated." placeholder:"FILE"`
	Checkpoints []string `help:"File of checkpoints to compare the log with." placeholder:"FILE"`
	Format      string   `help:"Output format: text or json." enum:"text,json" default:"text"`
}

var errNotSound = errors.New("the decision log is not as it was written")

// Run checks the files as one stream. It fails on any finding.
func (c *logVerifyCommand) Run(t terminal) error {
	report, err := c.verify(t)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = printJSON(t.out, report)
	} else {
		printVerified(t.out, report, len(c.Checkpoints) > 0)
	}
	if err == nil && !report.Sound() {
		err = errNotSound
	}
	return err
}

func (c *logVerifyCommand) verify(t terminal) (*decisionlog.Report, error) {
	var keys []decisionlog.Key
	for _, path := range c.KeyFile {
		k, err := decisionlog.ReadKey(path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	v := decisionlog.NewVerifier(keys...)
	for _, path := range c.Checkpoints {
		if err := readFrom(path, func(r io.Reader) error { return v.Checkpoints(path, r) }); err != nil {
			return nil, err
		}
	}
	bar := t.progress("verify", totalSize(c.Files))
	defer bar.done()
	for _, path := range c.Files {
		err := readFrom(path, func(r io.Reader) error { return v.Read(filepath.Base(path), counting{r, bar}) })
		if err != nil {
			return nil, err
		}
	}
	return v.Finish(), nil
}

// readFrom opens a file or the standard input, passes it to use, and closes the file.
func readFrom(path string, use func(io.Reader) error) error {
	if path == "-" {
		return use(os.Stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return use(f)
}

// totalSize returns the total size of files in bytes, -1 if it is unknown.
func totalSize(paths []string) int {
	var total int64
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return -1
		}
		total += info.Size()
	}
	return int(total)
}

// counting advances a progress bar by the bytes that are read.
type counting struct {
	io.Reader
	bar *progress
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bar.add(n)
	return n, err
}

func printVerified(w io.Writer, r *decisionlog.Report, checkpoints bool) {
	for _, f := range r.Findings {
		seq := ""
		if f.Seq > 0 {
			seq = fmt.Sprintf(" (seq %d)", f.Seq)
		}
		fmt.Fprintf(w, "%s:%d: %s%s: %s\n", f.File, f.Line, f.Kind, seq, f.Detail)
	}
	if r.MoreFinding > 0 {
		fmt.Fprintf(w, "and %d more\n", r.MoreFinding)
	}
	fmt.Fprintf(w, "%d of %d lines are intact, %d entries among them\n", r.Intact, r.Lines, r.Entries)
	for _, s := range r.Spans {
		fmt.Fprintf(w, "  chain %s: seq %d to %d\n", s.Chain, s.First, s.Last)
	}
	if r.Torn > 0 {
		fmt.Fprintf(w, "%d lines are incomplete because of faults that the log records\n", r.Torn)
	}
	if r.Dropped > 0 {
		fmt.Fprintf(w, "%d entries were dropped, as the log records\n", r.Dropped)
	}
	switch {
	case checkpoints:
		fmt.Fprintf(w, "%d checkpoints agree\n", r.Checked)
	case !r.Stopped:
		fmt.Fprintln(w, "the log does not end with a stop: it is still written, its process was killed, or its end was cut off. Only checkpoints show which.")
	default:
		fmt.Fprintln(w, "no checkpoints were given, so a cut-off end would not be found")
	}
}
