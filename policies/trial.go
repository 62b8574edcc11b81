package policies

import (
	"context"
	"errors"

	"resellerd/policies/filter"
	"resellerd/policies/rego"
)

// tryEverySubject finds the constructs that cannot become a filter for any subject.
// It asks the relaxed tree, so that no condition on the request hides a construct.
func (e *Engine) tryEverySubject(ctx context.Context) ([]rego.Finding, error) {
	relaxed, err := e.asked.Relaxed(decisionRef)
	if err != nil {
		return nil, err
	}
	trial := &Engine{options: e.options, asked: relaxed}
	if trial.queries, err = trial.newPartialQueries(); err != nil {
		return nil, err
	}
	var findings []rego.Finding
	for _, typ := range e.types() {
		found, err := trial.tryType(ctx, typ)
		if err != nil {
			return findings, err
		}
		for _, r := range found {
			findings = append(findings, e.filterFindings(r)...)
		}
	}
	return findings, nil
}

// tryType returns what cannot be expressed in the questions about a type.
func (e *Engine) tryType(ctx context.Context, typ string) ([]*filter.Refusal, error) {
	var refused []*filter.Refusal
	for _, q := range []*rego.Query{e.queries.allow, e.queries.view, e.queries.columns} {
		if q == nil {
			continue
		}
		f := e.asked.NewTrialFrame(typ)
		r, err := e.asked.Ask(ctx, q, f)
		if errors.Is(err, rego.ErrTimeout) {
			return refused, err
		}
		if err != nil {
			continue // an error of the evaluation, which other subjects need not meet
		}
		t := &filter.Translator{Frame: f, Tree: e.asked, Support: r.Rules(), Modules: r.Support,
			Guards: filter.NewGuards(), Needs: &filter.Needs{}}
		if q == e.queries.allow {
			_, err = t.Condition(r.Queries)
		} else {
			_, err = t.Answers(r.Queries)
		}
		var refusal *filter.Refusal
		if errors.As(err, &refusal) {
			t.Refused = append(t.Refused, refusal)
		}
		refused = append(refused, t.Refused...)
	}
	return refused, nil
}
