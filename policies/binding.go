package policies

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// binding supplies the values of one request to a plan's conditions. It reads
// them directly from the input.
type binding struct {
	ctx      context.Context
	in       *input.Input
	template *template
	decided  []int8 // per guard: 0 not decided yet, 1 holds, -1 does not hold
	document ast.Value
	err      error // error of a guard; it makes the whole decision fail
	blanks   *blanks
}

// Lookup implements predicate.Env.
func (b *binding) Lookup(ref predicate.Ref) (any, bool) {
	if b.blanks != nil {
		b.blanks.read(ref)
	}
	return b.in.Lookup(ref)
}

// Below implements predicate.Env.
func (b *binding) Below(accountID string) bool {
	if b.blanks != nil {
		b.blanks.read(predicate.Below)
	}
	return b.in.Subject.Facts.InSubtree(accountID)
}

// Guard implements predicate.Env. It decides each guard once and keeps the
// result.
func (b *binding) Guard(id int) bool {
	if b.template == nil || id < 0 || id >= len(b.template.guards) {
		b.err = fmt.Errorf("policy guard %d: unknown", id)
		return false
	}
	if b.decided == nil {
		b.decided = make([]int8, len(b.template.guards))
	}
	if b.decided[id] == 0 {
		b.decided[id] = -1
		if b.decide(id) {
			b.decided[id] = 1
		}
	}
	return b.decided[id] > 0
}

func (b *binding) decide(id int) bool {
	if g := &b.template.guards[id]; b.blanks != nil && g.Rego != nil {
		b.blanks.ask(g.Rego)
	}
	holds, err := b.template.guards[id].Holds(b.ctx, b, b.value, b.template.engine.options.Timeout)
	if err != nil {
		b.err = err
	}
	return holds && err == nil
}

func (b *binding) value() (ast.Value, error) {
	if b.document == nil {
		var err error
		if b.document, err = b.template.engine.value(b.in); err != nil {
			return nil, err
		}
		if err := b.template.engine.asked.Lookups.Insert(b.document, b.in); err != nil {
			return nil, err
		}
	}
	return b.document, nil
}
