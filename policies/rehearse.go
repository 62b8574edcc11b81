package policies

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// rehearse tries the tree with typical subjects: a master's user, a
// reseller's, and one that the store does not know. It refuses decisions of an
// unexpected shape, and filters that cannot be made. A tree that is too slow to
// be tried is loaded; it answers what takes too long with an error.
func (e *Engine) rehearse(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	types := slices.Sorted(maps.Keys(e.options.Schema))
	var findings []Finding
	for _, subject := range typicalSubjects() {
		for _, typ := range append([]string{areaType}, types...) {
			d := e.Evaluate(ctx, typicalInput(subject, "read", typ))
			if errors.Is(d.Err, errTimeout) {
				return findings
			}
			findings = append(findings, shapeFindings(d.Err)...)
		}
		for _, typ := range types {
			for _, action := range []string{"read", "create", "update", "delete"} {
				err := e.tryFilter(ctx, typicalInput(subject, action, typ))
				if errors.Is(err, errTimeout) {
					return findings
				}
				findings = append(findings, e.filterFindings(err)...)
			}
		}
	}
	return findings
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
	rules := e.rules.at(allowRef)
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
