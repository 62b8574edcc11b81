package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far long work has come, on a terminal and nowhere else,
// and leaves nothing behind. It may be used from several goroutines.
type progress struct{ bar *progressbar.ProgressBar }

// progress starts a bar over total steps on the error stream, or one that only
// shows that something moves when total is negative. End it with done.
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

// add moves the bar on by n steps.
func (p *progress) add(n int) { _ = p.bar.Add(n) } // a bar that cannot be drawn hinders nothing

// done takes the bar away.
func (p *progress) done() { _ = p.bar.Finish() } // as above

// isTerminal tells whether people read what is written to w as it comes.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
