package policies

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// rehearse tries the tree with typical subjects: a master's user, a
// reseller's, and one that the store does not know. It refuses decisions of an
// unexpected shape, and filters that cannot be made.
func (e *Engine) rehearse(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	var findings []Finding
	for _, subject := range typicalSubjects() {
		for _, typ := range append([]string{areaType}, slices.Sorted(maps.Keys(e.options.Schema))...) {
			in := typicalInput(subject, "read", typ)
			findings = append(findings, e.rehearseShape(ctx, in)...)
		}
		for _, typ := range slices.Sorted(maps.Keys(e.options.Schema)) {
			for _, action := range []string{"read", "create", "update", "delete"} {
				findings = append(findings, e.rehearseFilter(ctx, typicalInput(subject, action, typ))...)
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return findings
}

func (e *Engine) rehearseShape(ctx context.Context, in *Input) []Finding {
	d := e.Evaluate(ctx, in)
	var shape *shapeError
	if errors.As(d.Err, &shape) || errors.Is(d.Err, errUndefined) {
		return []Finding{{Code: "shape", Message: d.Err.Error()}}
	}
	return nil
}

// rehearseFilter makes the filter that a first request would, and refuses the
// tree for what does not translate whatever is known of the request.
func (e *Engine) rehearseFilter(ctx context.Context, in *Input) []Finding {
	t, _, err := e.plans.template(ctx, in, nil)
	if err != nil || t.allowErr == nil {
		return nil
	}
	var r *refusal
	if !errors.As(t.allowErr, &r) {
		return nil // an error of this subject's evaluation, not of the tree
	}
	loc := r.loc
	if loc == nil || loc.File == "" {
		loc = e.rules.at(allowRef)[0].Loc()
	}
	return []Finding{at(loc, "filter", r.message)}
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
