package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows the progress of long work. It writes only to a terminal, and clears
// its line at the end. It is safe for concurrent use.
type progress struct{ bar *progressbar.ProgressBar }

// progress starts a bar of total steps on the error stream. If total is negative, the
// bar only shows that work continues. The caller must end it with done.
func (t terminal) progress(label string, total int) *progress {
	return &progress{progressbar.NewOptions(total,
		progressbar.OptionSetVisibility(isTerminal(t.err)),
		progressbar.OptionSetWriter(t.err),
		progressbar.OptionSetDescription(label),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)}
}

// add advances the bar by n steps.
func (p *progress) add(n int) { _ = p.bar.Add(n) } // a bar that cannot be drawn must not stop the work

// done removes the bar.
func (p *progress) done() { _ = p.bar.Finish() } // as above

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
