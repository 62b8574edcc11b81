package insight

import (
	"errors"
	"maps"
	"slices"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/predicate"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
)

// ReasonExceeds is the reason of a refusal to preview a user who may read more than
// the acting user, or to give more access than the acting user has.
const ReasonExceeds = "exceeds_delegation"

// Why a user who may be previewed is not: it may not act itself.
var (
	ErrTargetNotActive        = errors.New("the user is not active")
	ErrTargetAccountNotActive = errors.New("the user's account is not active")
)

// Target finds a user whom the acting user may preview: see with its eyes. It
// decides and records that. It returns a session.DeniedError for a user whom the
// policy does not let it preview, or who may read more than it. An absent user is
// denied as one who is not visible. It returns ErrTargetNotActive and
// ErrTargetAccountNotActive for a user who may not act.
func (r *Reader) Target(ref string) (*session.Actor, error) {
	target, err := r.Users.Find(r.Ctx, r.Engine, r.Subject.User.TenantID, ref)
	switch {
	case session.IsUnknown(err):
		return nil, &session.DeniedError{Decision: r.DecideAbsent(r.Input("preview", "user", ref))}
	case err != nil:
		return nil, errors.Join(fault.ErrUnavailable, err)
	}
	in := r.Input("preview", "user", target.Subject.User.ID)
	if in.Resource.Row, err = r.Store.PolicyRow(r.Ctx, "user", target.Subject.User.ID); err != nil {
		return nil, previewRow(err)
	}
	if d := r.Decide(in); !d.Allow {
		return nil, &session.DeniedError{Decision: d}
	}
	switch {
	case !target.UserActive():
		return nil, ErrTargetNotActive
	case !target.AccountActive():
		return nil, ErrTargetAccountNotActive
	case r.readsMore(target):
		d := policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{ReasonExceeds}}
		return nil, &session.DeniedError{Decision: r.RecordAs(session.DecidedByServer, in, d, r.Now())}
	}
	return target, nil
}

// previewRow is the error of a user's row that cannot be read: it is gone since, or
// the store does not answer.
func previewRow(err error) error {
	if errors.Is(err, fault.ErrNotFound) {
		return err
	}
	return errors.Join(fault.ErrUnavailable, err)
}

// readsMore reports whether the target may read something that the viewer may
// not, as the policy decides: an area, rows or a column of a type, or what cards
// cost.
func (r *Reader) readsMore(target *session.Actor) bool {
	all := slices.AppendSeq(r.Areas(), maps.Keys(target.Facts.Access))
	own := r.readable(all)
	words := r.wordsFor(target)
	more := false
	_ = r.through(target, func() error {
		its := r.readable(all)
		for what, may := range its.may {
			more = more || may && !own.may[what]
		}
		for typ, rows := range its.rows {
			more = more || !own.rows[typ].Covers(words.filter(rows))
		}
		return nil
	})
	return more
}

// reads is what a user may read, by its name, and which rows of a type.
type reads struct {
	may  map[string]bool
	rows map[string]predicate.Filter
}

// readable says what the acting user may read.
func (r *Reader) readable(all []string) reads {
	costs := r.PlanCosts()
	out := reads{rows: map[string]predicate.Filter{},
		may: map[string]bool{"all rates": costs.Rates, "own costs": costs.Own, "costs below": costs.Below}}
	for _, area := range all {
		out.may["area "+area] = r.Judge(r.Input("read", "area", areas.Asked(area, all))).Allow
	}
	for typ := range r.Engine.Schema() {
		plan := r.Engine.Plan(r.Ctx, r.Input("read", typ, ""))
		if plan.Outcome != policies.OutcomeAllow {
			continue
		}
		out.rows[typ] = plan.Filter
		for _, group := range plan.Columns {
			for _, column := range group.Columns {
				out.may["column "+typ+"."+column] = true
			}
		}
	}
	return out
}

// AuditPreview writes to the audit trail that the acting user looks as these users,
// in a transaction of its own. It returns fault.ErrUnavailable where that is not
// written; then nothing may be shown.
func (r *Reader) AuditPreview(targets ...*session.Actor) error {
	err := r.Store.Write(r.Ctx, r.Subject.User.TenantID, func(tx *store.Tx) error {
		for _, target := range targets {
			if _, err := tx.Audit(r.Ctx, previewEntry(&r.Subject.User, &target.Subject.User)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return errors.Join(fault.ErrUnavailable, err)
	}
	return nil
}

func previewEntry(viewer, target *store.User) store.AuditEntry {
	return store.AuditEntry{
		ActorID: viewer.ID, ActorAccountID: viewer.AccountID, PreviewOf: target.ID, AccountID: target.AccountID,
		ResourceType: "user", ResourceID: target.ID, Action: "preview",
	}
}
