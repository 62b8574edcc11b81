package shadow

import (
	"slices"

	"resellerd/policies"
)

// Kinds of disagreement between the live policy and its shadow. The first kind that
// applies is reported.
const (
	KindError       = "error" // one of the policies could not decide
	KindAllowToDeny = "allow_to_deny"
	KindDenyToAllow = "deny_to_allow"
	KindFilter      = "filter" // for a list: the conditions on its rows differ
	KindView        = "view"
	KindColumns     = "columns"
	KindReasons     = "reasons"
)

// disagreement returns how the shadow's decision differs, or "" if it does not.
func disagreement(live *decision, check policies.Decision, plan *policies.Plan) string {
	was, is := outcomeOf(live.check, live.plan), outcomeOf(check, plan)
	switch {
	case was == is:
	case was == policies.OutcomeError || is == policies.OutcomeError:
		return KindError
	case is == policies.OutcomeDeny:
		return KindAllowToDeny
	default:
		return KindDenyToAllow
	}
	switch {
	case is == policies.OutcomeError:
		return ""
	case plan != nil:
		return planDisagreement(live.plan, plan)
	case check.View != live.check.View:
		return KindView
	case !slices.Equal(check.Columns, live.check.Columns):
		return KindColumns
	case !slices.Equal(check.Reasons, live.check.Reasons):
		return KindReasons
	}
	return ""
}

// planDisagreement compares conditions without regard to the order of their parts. It
// reports equivalent conditions as different if they are written differently.
func planDisagreement(was, is *policies.Plan) string {
	switch {
	case was == is:
		return ""
	case was.Filter.SortedText() != is.Filter.SortedText():
		return KindFilter
	case is.Outcome == policies.OutcomeDeny:
		return ""
	case !slices.Equal(was.ViewTexts(), is.ViewTexts()):
		return KindView
	case !slices.Equal(was.ColumnTexts(), is.ColumnTexts()):
		return KindColumns
	}
	return ""
}
