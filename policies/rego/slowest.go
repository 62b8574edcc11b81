package rego

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Slowest evaluates the query until timeout, and returns the place of the expression that
// took most of the time, or nil.
func (q *Query) Slowest(ctx context.Context, input ast.Value, timeout time.Duration) *ast.Location {
	w := &stopwatch{took: map[line]time.Duration{}}
	_ = q.Limited(ctx, timeout, func(t *topdown.Query) error {
		_, err := t.WithInput(ast.NewTerm(input)).WithQueryTracer(w).Run(ctx)
		w.stop()
		return err
	})
	var slowest *ast.Location
	var most time.Duration
	for at, took := range w.took {
		if took > most {
			most, slowest = took, &ast.Location{File: at.file, Row: at.row}
		}
	}
	return slowest
}

type line struct {
	file string
	row  int
}

// stopwatch is a tracer that measures the time of each line.
type stopwatch struct {
	took  map[line]time.Duration
	at    line
	since time.Time
}

// Enabled, Config and TraceEvent implement topdown.QueryTracer.
func (w *stopwatch) Enabled() bool { return true }

// Config asks for no values of variables.
func (w *stopwatch) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent adds the time since the last event to the line of that event.
func (w *stopwatch) TraceEvent(event topdown.Event) {
	x, ok := event.Node.(*ast.Expr)
	if !ok || x.Location == nil || x.Location.File == "" || event.Op != topdown.EvalOp && event.Op != topdown.RedoOp {
		return
	}
	w.stop()
	w.at = line{x.Location.File, x.Location.Row}
}

func (w *stopwatch) stop() {
	now := time.Now()
	if w.at.file != "" {
		w.took[w.at] += now.Sub(w.since)
	}
	w.since = now
}
