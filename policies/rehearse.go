package policies

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/filter"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// rehearse tries the tree for every subject at once, and with three typical
// subjects: a master's user, a reseller's user, and a user that the store does not
// know. It finds decisions of an unexpected shape, filters that cannot be made, and
// questions that take too long. It asks a question that was cut off again with more
// time, because the machine may be busy. It stops at the first question that takes
// too long.
func (e *Engine) rehearse(ctx context.Context) []rego.Finding {
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	var findings []rego.Finding
	if e.rowless {
		return e.rehearseDecisions(ctx)
	}
	_, err := e.patiently(ctx, func(ctx context.Context) (err error) {
		findings, err = e.tryEverySubject(ctx)
		return err
	})
	if errors.Is(err, rego.ErrTimeout) {
		for in := range e.decisionsToTry() {
			return append(findings, e.slow(ctx, "a filter for all subjects together takes", in))
		}
	}
	if findings = append(findings, e.rehearseDecisions(ctx)...); slices.ContainsFunc(findings, func(f rego.Finding) bool { return f.Code == slowCode }) {
		return findings
	}
	for in := range e.filtersToTry() {
		slow, err := e.patiently(ctx, func(ctx context.Context) error { return e.tryFilter(ctx, in) })
		if slow {
			return append(findings, e.slow(ctx, asked(in, "filter"), in))
		}
		findings = append(findings, e.filterFindings(err)...)
	}
	return findings
}

// rehearseDecisions tries whole evaluations, and stops at the first that takes too long.
func (e *Engine) rehearseDecisions(ctx context.Context) []rego.Finding {
	var findings []rego.Finding
	for in := range e.decisionsToTry() {
		slow, err := e.patiently(ctx, func(ctx context.Context) error { return e.Evaluate(ctx, in).Err })
		if slow {
			return append(findings, e.slow(ctx, asked(in, "decision"), in))
		}
		findings = append(findings, shapeFindings(err)...)
	}
	return findings
}

// patience is how much more time a question gets that was cut off.
const patience = 5

// patiently asks a question, and asks it again with more time if it was cut off. It
// reports whether the second answer took too long as well.
func (e *Engine) patiently(ctx context.Context, ask func(context.Context) error) (slow bool, err error) {
	if err := ask(ctx); !errors.Is(err, rego.ErrTimeout) {
		return false, err
	}
	began := time.Now()
	err = ask(rego.Patient(ctx, patience))
	return errors.Is(err, rego.ErrTimeout) || time.Since(began) > e.options.Timeout, err
}

// decisionsToTry yields questions about one row of each type and about one
// area.
func (e *Engine) decisionsToTry() iter.Seq[*input.Input] {
	return e.toTry(append([]string{input.AreaType}, e.types()...), "read")
}

// FiltersToTry yields the list questions that Load tries. It combines each type
// of the schema with each common action and three subjects: a master's user, a
// reseller's user, and a user that the store does not know.
func (e *Engine) FiltersToTry() iter.Seq[*input.Input] {
	return e.toTry(e.types(), "read", "create", "update", "delete")
}

// filtersToTry adds to FiltersToTry the users whom the tree looks up in its data.
func (e *Engine) filtersToTry() iter.Seq[*input.Input] {
	return func(yield func(*input.Input) bool) {
		for in := range e.FiltersToTry() {
			if !yield(in) {
				return
			}
		}
		for _, subject := range e.subjectsInData() {
			for _, typ := range e.types() {
				if !yield(typicalInput(subject, "read", typ)) {
					return
				}
			}
		}
	}
}

// triedUsers is how many users Load tries for each look-up.
const triedUsers = 4

// subjectsInData returns users that the tree finds when it looks up the acting user in
// its data, with different values.
func (e *Engine) subjectsInData() []input.Subject {
	var out []input.Subject
	e.asked.Lookups.Samples(triedUsers, func(ref predicate.Ref, key string) {
		subject := typicalSubjects()[1]
		facts := input.Facts{User: maps.Clone(subject.Facts.User), Account: subject.Facts.Account, Access: subject.Facts.Access, Groups: []input.Group{{ID: "grp_1"}}}
		switch ref.String() {
		case "subject.id":
			subject.ID = key
		case "subject.account.id":
			facts.Account.ID = key
		case "subject.account.parent_id":
			facts.Account.ParentID = key
		case "subject.account.tenant_id":
			facts.Account.TenantID = key
		default:
			facts.User[ref[2]] = key
		}
		subject.Facts = input.NewFacts(facts)
		out = append(out, subject)
	})
	return out
}

// LookUps lists the places where the tree looks up the acting user in its data. Plans are
// compiled with the values found there.
func (e *Engine) LookUps() []rego.Finding { return e.asked.Lookups.Places() }

func (e *Engine) toTry(types []string, actions ...string) iter.Seq[*input.Input] {
	return func(yield func(*input.Input) bool) {
		for _, subject := range typicalSubjects() {
			for _, typ := range types {
				for _, action := range actions {
					if !yield(typicalInput(subject, action, typ)) {
						return
					}
				}
			}
		}
	}
}

func (e *Engine) types() []string { return slices.Sorted(maps.Keys(e.options.Schema)) }

// slowCode is the code of a finding that does not prevent a tree from loading.
// The engine answers a question that takes too long with an error.
const slowCode = "slow"

func (e *Engine) slow(ctx context.Context, what string, in *input.Input) rego.Finding {
	at, rule := e.slowestRule(ctx, in)
	if at == nil {
		at = e.allowLocation()
	}
	return rego.FindingAt(at, slowCode, fmt.Sprintf("%s longer than %s, or all that is tried longer than %s%s",
		what, e.options.Timeout, rehearsalTime, rule))
}

// asked describes a question of the trial.
func asked(in *input.Input, what string) string {
	kind := in.Subject.ID
	if in.Subject.Facts != nil {
		kind = in.Subject.Facts.Account.Kind + "'s user"
	}
	return fmt.Sprintf("the %s of a %s who would %s a %s takes", what, kind, in.Action.Name, in.Resource.Type)
}

func shapeFindings(err error) []rego.Finding {
	var shape *shapeError
	if errors.As(err, &shape) || errors.Is(err, errUndefined) {
		return []rego.Finding{{Code: "shape", Message: err.Error()}}
	}
	return nil
}

// filterFindings reports the parts of a filter that do not translate. Other
// errors concern only the typical subject: such a subject gets an error as its
// filter.
func (e *Engine) filterFindings(err error) []rego.Finding {
	var r *filter.Refusal
	if !errors.As(err, &r) {
		return nil
	}
	loc := r.Loc
	if loc == nil || loc.File == "" {
		loc = e.allowLocation()
	}
	return []rego.Finding{rego.FindingAt(loc, "filter", r.Message)}
}

// allowLocation returns the location of the first definition of allow that is
// not a default.
func (e *Engine) allowLocation() *ast.Location {
	rules := e.tree.Rules.At(allowRef)
	for _, rule := range rules {
		if !rego.IsDefault(rule) {
			return rule.Loc()
		}
	}
	return rules[0].Loc()
}

func typicalSubjects() []input.Subject {
	everything := map[string][]string{"*": {"create", "read", "update", "delete"}}
	subject := func(account input.AccountFacts) input.Subject {
		account.Status = "active"
		user := map[string]any{"id": "usr_typical", "account_id": account.ID, "status": "active"}
		facts := input.Facts{User: user, Account: account, Access: everything, Groups: []input.Group{{ID: "grp_1"}}}
		return input.Subject{Type: "user", ID: "usr_typical", Facts: input.NewFacts(facts)}
	}
	return []input.Subject{
		subject(input.AccountFacts{ID: "acc_master", TenantID: "acc_master", Kind: "master"}),
		subject(input.AccountFacts{ID: "acc_reseller", ParentID: "acc_master", TenantID: "acc_master", Kind: "reseller", Depth: 1}),
		{Type: "user", ID: "usr_unknown"},
	}
}

func typicalInput(subject input.Subject, action, typ string) *input.Input {
	return &input.Input{
		Subject: subject, Action: input.Action{Name: action}, Resource: input.Resource{Type: typ, ID: "customer"},
		Context: input.Context{Time: time.Unix(0, 0)},
	}
}
