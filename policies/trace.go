package policies

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// tracer records how far the evaluation of each body got. It records bodies,
// not events: a repeated evaluation overwrites the earlier one.
type tracer struct {
	frames map[uint64]*frameOf
	root   *frameOf
}

// frameOf is the progress of one body: that of a rule, of a negation, or of
// the query itself.
type frameOf struct {
	rule     *ast.Rule // nil if the body is not a rule's
	at       int       // index of the parent's condition that entered this body
	negation bool      // true for the body of a negation, which fails if the body holds
	now      *ast.Expr // the condition being evaluated
	furthest int
	failed   *ast.Expr // the condition at furthest, if it failed
	exited   bool
	kids     []*frameOf
	rank     []int // cached by ranked
}

func newTracer() *tracer { return &tracer{frames: map[uint64]*frameOf{}} }

// Enabled implements topdown.QueryTracer.
func (*tracer) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (*tracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (t *tracer) TraceEvent(event topdown.Event) {
	switch event.Op {
	case topdown.EnterOp:
		t.enter(event)
	case topdown.EvalOp, topdown.RedoOp:
		if expr, ok := event.Node.(*ast.Expr); ok {
			t.frame(event).evaluate(expr, event.Op == topdown.RedoOp)
		}
	case topdown.FailOp:
		if expr, ok := event.Node.(*ast.Expr); ok {
			t.frame(event).fail(expr)
		}
	case topdown.ExitOp:
		t.frame(event).exited = true
	default: // other events say nothing about conditions
	}
}

func (t *tracer) enter(event topdown.Event) {
	t.frame(event).rule, _ = event.Node.(*ast.Rule)
}

// frame returns the frame of the body that an event is about. It creates the
// frame if there is none.
func (t *tracer) frame(event topdown.Event) *frameOf {
	f := t.frames[event.QueryID]
	if f != nil {
		return f
	}
	f = &frameOf{furthest: -1}
	if parent := t.frames[event.ParentID]; parent != nil {
		if now := parent.now; now != nil {
			f.at, f.negation = now.Index, now.Negated
		}
		parent.kids = append(parent.kids, f)
	}
	t.frames[event.QueryID] = f
	if t.root == nil {
		t.root = f
	}
	return f
}

// evaluate records the condition that is evaluated now. When an earlier
// condition is evaluated again, the results of later ones are dropped.
func (f *frameOf) evaluate(expr *ast.Expr, again bool) {
	f.now = expr
	if expr.Index > f.furthest {
		f.furthest, f.failed = expr.Index, nil
	}
	if again && !f.exited {
		f.forget(expr.Index)
	}
}

// forget drops the bodies that conditions after i had entered and that held.
func (f *frameOf) forget(i int) {
	kept := f.kids[:0]
	for _, kid := range f.kids {
		if kid.at <= i || !kid.exited || kid.negation {
			kept = append(kept, kid)
		}
	}
	f.kids = kept
}

func (f *frameOf) fail(expr *ast.Expr) {
	if expr.Index >= f.furthest {
		f.furthest, f.failed = expr.Index, expr
	}
}

// forgetful is a cache that keeps nothing, so that the trace contains each use
// of a rule.
type forgetful struct{}

func (forgetful) Push()                         {}
func (forgetful) Pop()                          {}
func (forgetful) Get(ast.Ref) (*ast.Term, bool) { return nil, false }
func (forgetful) Put(ast.Ref, *ast.Term)        {}
func (forgetful) Keys() []ast.Ref               { return nil }
