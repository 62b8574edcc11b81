package insight

import (
	"testing"

	"resellerd/policies/predicate"
	"resellerd/server/session"
)

// A condition that cannot be translated to the viewer is dropped.
func TestWhatATargetSeesInWordsOfItsViewer(t *testing.T) {
	t.Parallel()
	id, owner := predicate.Operand{Ref: predicate.Ref{"subject", "user", "id"}}, predicate.ColumnIs("account_id", session.OwnAccount)
	parent := predicate.ColumnIs("account_id", predicate.Operand{Ref: predicate.Ref{"subject", "account", "parent_id"}})
	assigned := predicate.Member{Item: session.OwnAccount, Set: predicate.Column("assigned_to")}
	begins := predicate.Match{Op: predicate.StartsWith, Text: predicate.Column("account_id"), Part: session.OwnAccount}
	anything, within := predicate.Expr(predicate.True{}), predicate.And{session.InTenant, session.InReach}
	above, beside, colleague := wording{below: true}, wording{}, wording{below: true, sameAccount: true}
	for name, c := range map[string]struct {
		w          wording
		said, want predicate.Expr
	}{
		"its account":                    {above, owner, append(within[:2:2], predicate.Compare{Op: predicate.Ne, Left: owner.Left, Right: owner.Right})},
		"its account, which is the same": {colleague, owner, predicate.And{session.InTenant, session.InReach, owner}},
		"its account, elsewhere":         {beside, owner, anything},
		"not its account":                {above, predicate.Not{X: owner}, anything},
		"the account above it":           {above, parent, within},
		"the account above both":         {colleague, parent, parent},
		"cards assigned to the target":   {above, assigned, within},
		"what is assigned to both":       {colleague, assigned, assigned},
		"a text like its account's id":   {above, begins, anything},
		"a name that is its account's":   {above, predicate.ColumnIs("name", session.OwnAccount), anything},
		"an account that is not its":     {above, predicate.Compare{Op: predicate.Ne, Left: owner.Left, Right: owner.Right}, anything},
		"the user":                       {colleague, predicate.ColumnIs("name", id), anything},
		"the user, who is the same":      {wording{true, true, true}, predicate.ColumnIs("name", id), predicate.ColumnIs("name", id)},
		"what stands in a row":           {beside, predicate.ColumnIs("kind", predicate.Operand{Const: "customer"}), predicate.ColumnIs("kind", predicate.Operand{Const: "customer"})},
		"one or the other":               {beside, predicate.Or{predicate.ColumnIs("kind", predicate.Operand{Const: "customer"}), owner}, anything},
		"both":                           {beside, predicate.And{predicate.ColumnIs("kind", predicate.Operand{Const: "customer"}), owner}, predicate.ColumnIs("kind", predicate.Operand{Const: "customer"})},
	} {
		if got := c.w.filter(predicate.Of(c.said)); predicate.Text(got) != predicate.Text(c.want) {
			t.Errorf("%s: %s", name, predicate.Text(got))
		}
	}
}
