package insight

import (
	"slices"

	"resellerd/policies/predicate"
	"resellerd/server/session"
)

// wording translates conditions on rows from the target to the viewer, so that they
// can be compared. It says how the target's user and account relate to the viewer's:
// the same, or below it.
type wording struct{ sameUser, sameAccount, below bool }

func (r *Reader) wordsFor(target *session.Actor) wording {
	w := wording{sameUser: target.Subject.User.ID == r.Subject.User.ID, sameAccount: target.Facts.Account.ID == r.Facts.Account.ID}
	w.below = w.sameAccount || slices.Contains(session.IdsAbove(target.Subject), r.Facts.Account.ID)
	return w
}

// filter translates a filter of the target for the viewer. The result passes every
// row that the target's filter passes.
func (w wording) filter(f predicate.Filter) predicate.Expr {
	switch {
	case f.Kind == predicate.All:
		return predicate.True{}
	case f.Kind == predicate.Where && f.Where != nil:
		return predicate.Simplify(w.of(f.Where))
	}
	return predicate.False{}
}

// of replaces each part of a condition that cannot be translated with one that always
// holds. So the result is never stricter than the condition.
func (w wording) of(e predicate.Expr) predicate.Expr {
	switch e := e.(type) {
	case predicate.And:
		return predicate.And(w.each(e))
	case predicate.Or:
		return predicate.Or(w.each(e))
	}
	said := w.reach(e)
	if w.alike(e) {
		said = append(said, e)
	}
	return said
}

// costs reports whether the viewer sees the costs that the target sees. What an account
// below the viewer's is supplied with is sold by the viewer's account, or below it.
func (w wording) costs(viewer, target session.CostsShown) bool {
	own := viewer.Own
	if !w.sameAccount {
		own = w.below && viewer.Below
	}
	return (viewer.Rates || !target.Rates) && (own || !target.Own) && (viewer.Below || !target.Below)
}

func (w wording) each(list []predicate.Expr) []predicate.Expr {
	out := make([]predicate.Expr, len(list))
	for i, e := range list {
		out[i] = w.of(e)
	}
	return out
}

// alike reports whether a condition means the same for the target and the viewer.
func (w wording) alike(e predicate.Expr) bool {
	switch e := e.(type) {
	case predicate.And:
		return !slices.ContainsFunc(e, func(x predicate.Expr) bool { return !w.alike(x) })
	case predicate.Or:
		return !slices.ContainsFunc(e, func(x predicate.Expr) bool { return !w.alike(x) })
	case predicate.Not:
		return w.alike(e.X)
	}
	return !slices.ContainsFunc(predicate.Operands(e), func(o predicate.Operand) bool {
		if len(o.Ref) < 2 || o.Ref[0] != "subject" {
			return false
		}
		if o.Ref[1] == "account" || o.Ref.IsBelow() {
			return !w.sameAccount
		}
		return !w.sameUser
	})
}

// reach translates a condition that names the target's account: the row belongs to
// the viewer's tenant, and its account is the viewer's or lies below it. A card that
// is assigned or lent to an account belongs to the account directly above. reach
// returns nil if it cannot translate the condition.
func (w wording) reach(e predicate.Expr) predicate.And {
	compare, equal := e.(predicate.Compare)
	_, among := e.(predicate.Member)
	if !w.below || !among && !(equal && compare.Op == predicate.Eq) {
		return nil
	}
	ops := predicate.Operands(e)
	if _, left := ops[0].Ref.Column(); !left {
		ops[0], ops[1] = ops[1], ops[0]
	}
	name, _ := ops[0].Ref.Column()
	switch of := ops[1].Ref.String(); {
	case name == "tenant_id" && of == "subject.account.tenant_id":
		return predicate.And{session.InTenant}
	case slices.Contains([]string{"id", "account_id", "actor_account_id"}, name) && (of == "subject.account.id" || of == "subject.below"):
		said := predicate.And{session.InTenant, predicate.Member{Item: ops[0], Set: predicate.Operand{Ref: predicate.Below}}}
		if !w.sameAccount { // all of it lies below the viewer's own account
			said = append(said, predicate.Compare{Op: predicate.Ne, Left: ops[0], Right: session.OwnAccount})
		}
		return said
	case w.sameAccount:
		return nil
	case name == "account_id" && of == "subject.account.parent_id",
		slices.Contains([]string{"assigned_to", "lent_to"}, name) && of == "subject.account.id":
		return predicate.And{session.InTenant, session.InReach}
	}
	return nil
}
