package insight

import (
	"errors"
	"maps"
	"slices"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
)

// ReasonExceeds is the reason if a user asks to preview somebody who may read more,
// or to give more access than it has.
const ReasonExceeds = "exceeds_delegation"

// reasonTargetDisabled is the reason if the user to preview, or its account, is not
// active. The policy gives it too.
const reasonTargetDisabled = "target_disabled"

// These errors say that the target of a preview may not act itself.
var (
	ErrTargetNotActive        = errors.New("the user is not active")
	ErrTargetAccountNotActive = errors.New("the user's account is not active")
)

// Target finds a user whom the acting user may preview. It decides, and records the
// decision. It returns a session.DeniedError if the policy denies the preview, or if
// the target may read more than the acting user. It denies an absent user like an
// invisible one. It returns ErrTargetNotActive or ErrTargetAccountNotActive if the
// target may not act, fault.ErrNotFound if the target was deleted meanwhile, and
// fault.ErrUnavailable if the store does not answer.
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
		return nil, &session.DeniedError{Decision: r.refusePreview(in, ReasonExceeds)}
	}
	return target, nil
}

// refusePreview records that the server refuses a preview that the policy allows.
func (r *Reader) refusePreview(in *input.Input, reason string) policies.Decision {
	d := policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{reason}}
	return r.RecordAs(session.DecidedByServer, in, d, r.Now())
}

// IsPreview reports whether in asks if the session's user may preview a user.
func (r *Reader) IsPreview(in *input.Input) bool {
	return r.Actor != nil && in.Action.Name == "preview" && in.Resource.Type == session.SubjectUser
}

// DecidePreview returns the decision about a preview that the policy allows: the
// session's user asks, and in names the target. It denies what Target refuses, and
// records the denial. It returns fault.ErrUnavailable if the store does not answer.
func (r *Reader) DecidePreview(in *input.Input, allowed policies.Decision) (policies.Decision, error) {
	target, err := r.Users.Find(r.Ctx, r.Engine, r.Subject.User.TenantID, in.Resource.ID)
	switch {
	case session.IsUnknown(err): // another tenant's, or deleted meanwhile
		return r.DecideAbsent(in), nil
	case err != nil:
		return allowed, errors.Join(fault.ErrUnavailable, err)
	case !target.UserActive(), !target.AccountActive():
		return r.refusePreview(in, reasonTargetDisabled), nil
	case r.readsMore(target):
		return r.refusePreview(in, ReasonExceeds), nil
	}
	return allowed, nil
}

// previewRow returns the error for a user's row that cannot be read: the row was
// deleted meanwhile, or the store does not answer.
func previewRow(err error) error {
	if errors.Is(err, fault.ErrNotFound) {
		return err
	}
	return errors.Join(fault.ErrUnavailable, err)
}

// readsMore reports whether the policy lets the target read something that the acting
// user may not read: rows, a column, the costs of cards, or an area of the panel.
// It compares resellerd's own areas by their rows and columns. So the translated cards
// of a reseller are compared with the customer cards of the viewer, which they are.
func (r *Reader) readsMore(target *session.Actor) bool {
	words := r.wordsFor(target)
	all := slices.DeleteFunc(slices.AppendSeq(r.Areas(), maps.Keys(target.Facts.Access)), comparedByRows)
	own := r.readable(all, words)
	more := false
	_ = r.through(target, func() error {
		its := r.readable(all, words)
		more = !words.costs(own.costs, its.costs)
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

// comparedByRows reports whether everything that is read in an area is a row that the store
// keeps. Other areas below card are the panel's own.
func comparedByRows(area string) bool {
	return slices.Contains(rightsOnCards, area) || slices.ContainsFunc(rowAreas, func(a rowArea) bool { return a.area == area })
}

// rightsOnCards are areas that actions on cards need. Nothing is read in them.
var rightsOnCards = append(resource.ExtraAreas("accept_losses", nil), resource.ExtraAreas("activate", resource.Named("card").AreaNames())...)

// reads holds what a user may read by name, the readable rows of each type, and which
// costs the user sees.
type reads struct {
	may   map[string]bool
	rows  map[string]predicate.Filter
	costs session.CostsShown
}

// readable returns what the acting user may read. Columns that are computed from costs
// count only between users of one account. For others, the costs decide: one account
// has them on its own cards, and the other on cards below.
func (r *Reader) readable(all []string, w wording) reads {
	out := reads{rows: map[string]predicate.Filter{}, may: map[string]bool{}, costs: r.PlanCosts()}
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
				if w.sameAccount || !session.OfCosts(typ, column) {
					out.may["column "+typ+"."+column] = true
				}
			}
		}
	}
	return out
}

// AuditPreview writes an audit entry for each target that the acting user previews,
// in a transaction of its own. If it returns fault.ErrUnavailable, no entry was
// written and nothing may be shown.
func (r *Reader) AuditPreview(targets ...*session.Actor) error {
	err := r.Store.Write(r.Ctx, r.Subject.User.TenantID, func(tx *store.Tx) error {
		for _, target := range targets {
			entry := previewEntry(&r.Subject.User, &target.Subject.User)
			entry.Panel = r.Caller.Panel
			if _, err := tx.Audit(r.Ctx, entry); err != nil {
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
