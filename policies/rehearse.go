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
)

// rehearse tries the tree with typical subjects: a master's user, a
// reseller's, and one that the store does not know. It finds decisions of an
// unexpected shape, filters that cannot be made, and what takes too long: then
// nothing is tried any more.
func (e *Engine) rehearse(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	var findings []Finding
	for in := range e.decisionsToTry() {
		err := e.Evaluate(ctx, in).Err
		if errors.Is(err, errTimeout) {
			return append(findings, e.slow(in, "decision"))
		}
		findings = append(findings, shapeFindings(err)...)
	}
	for in := range e.FiltersToTry() {
		err := e.tryFilter(ctx, in)
		if errors.Is(err, errTimeout) {
			return append(findings, e.slow(in, "filter"))
		}
		findings = append(findings, e.filterFindings(err)...)
	}
	return findings
}

// decisionsToTry are questions about one row, or area, of each type.
func (e *Engine) decisionsToTry() iter.Seq[*Input] {
	return e.toTry(append([]string{areaType}, e.types()...), "read")
}

// FiltersToTry are the questions about all rows of a type that a tree is tried
// with when it is loaded: each type of the schema and each common action, asked
// by a master's user, a reseller's, and one that the store does not know.
func (e *Engine) FiltersToTry() iter.Seq[*Input] {
	return e.toTry(e.types(), "read", "create", "update", "delete")
}

func (e *Engine) toTry(types []string, actions ...string) iter.Seq[*Input] {
	return func(yield func(*Input) bool) {
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

// slowCode is the code of a finding that does not keep a tree from loading: it
// answers what takes too long with an error.
const slowCode = "slow"

func (e *Engine) slow(in *Input, what string) Finding {
	kind := in.Subject.ID
	if in.Subject.Facts != nil {
		kind = in.Subject.Facts.Account.Kind + "'s user"
	}
	return at(e.allowLocation(), slowCode, fmt.Sprintf("the %s of a %s who would %s a %s takes longer than %s, or all that is tried longer than %s",
		what, kind, in.Action.Name, in.Resource.Type, e.options.Timeout, rehearsalTime))
}

func shapeFindings(err error) []Finding {
	var shape *shapeError
	if errors.As(err, &shape) || errors.Is(err, errUndefined) {
		return []Finding{{Code: "shape", Message: err.Error()}}
	}
	return nil
}

// filterFindings reports what of a filter does not translate. Other errors are
// the typical subject's own: its filter is an error when it asks.
func (e *Engine) filterFindings(err error) []Finding {
	var r *refusal
	if !errors.As(err, &r) {
		return nil
	}
	loc := r.loc
	if loc == nil || loc.File == "" {
		loc = e.allowLocation()
	}
	return []Finding{at(loc, "filter", r.message)}
}

// allowLocation is where allow is defined first, defaults aside.
func (e *Engine) allowLocation() *ast.Location {
	rules := e.tree.rules.at(allowRef)
	for _, rule := range rules {
		if !isDefault(rule) {
			return rule.Loc()
		}
	}
	return rules[0].Loc()
}

func typicalSubjects() []Subject {
	everything := map[string][]string{"*": {"create", "read", "update", "delete"}}
	subject := func(account AccountFacts) Subject {
		account.Status = "active"
		user := map[string]any{"id": "usr_typical", "account_id": account.ID, "status": "active"}
		facts := Facts{User: user, Account: account, Access: everything, Groups: 1}
		return Subject{Type: "user", ID: "usr_typical", Facts: NewFacts(facts)}
	}
	return []Subject{
		subject(AccountFacts{ID: "acc_master", TenantID: "acc_master", Kind: "master"}),
		subject(AccountFacts{ID: "acc_reseller", ParentID: "acc_master", TenantID: "acc_master", Kind: "reseller", Depth: 1}),
		{Type: "user", ID: "usr_unknown"},
	}
}

func typicalInput(subject Subject, action, typ string) *Input {
	return &Input{
		Subject: subject, Action: Action{Name: action}, Resource: Resource{Type: typ, ID: "customer"},
		Context: Context{Time: time.Unix(0, 0)},
	}
}
