package policies

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// tracer keeps how far each body of an evaluation came. It holds bodies, not
// events: what is done again overwrites what was done before.
type tracer struct {
	frames map[uint64]*frameOf
	root   *frameOf
}

// frameOf is one body on its way: that of a rule, of a negation, or of the
// query itself.
type frameOf struct {
	rule     *ast.Rule // nil for other bodies
	at       int       // the condition of the parent that entered it
	negation bool      // what a negation asks, to fail when it holds
	now      *ast.Expr // the condition under way
	furthest int
	failed   *ast.Expr // the condition at furthest, when it failed
	exited   bool
	kids     []*frameOf
	rank     []int // see ranked
}

func newTracer() *tracer { return &tracer{frames: map[uint64]*frameOf{}} }

// Enabled is part of topdown.QueryTracer.
func (*tracer) Enabled() bool { return true }

// Config is part of topdown.QueryTracer.
func (*tracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent is part of topdown.QueryTracer.
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
	default: // the others tell nothing about conditions
	}
}

func (t *tracer) enter(event topdown.Event) {
	t.frame(event).rule, _ = event.Node.(*ast.Rule)
}

// frame finds the body that an event is about, or begins it.
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

// evaluate notes the condition that is asked now. What later ones had found is
// gone when an earlier one is asked again.
func (f *frameOf) evaluate(expr *ast.Expr, again bool) {
	f.now = expr
	if expr.Index > f.furthest {
		f.furthest, f.failed = expr.Index, nil
	}
	if again && !f.exited {
		f.forget(expr.Index)
	}
}

// forget drops what conditions behind i had entered and had found to hold.
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

// forgetful remembers no rule's value, so that each use of a rule is traced.
type forgetful struct{}

func (forgetful) Push()                         {}
func (forgetful) Pop()                          {}
func (forgetful) Get(ast.Ref) (*ast.Term, bool) { return nil, false }
func (forgetful) Put(ast.Ref, *ast.Term)        {}
func (forgetful) Keys() []ast.Ref               { return nil }
