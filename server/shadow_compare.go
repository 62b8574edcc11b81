package server

import (
	"slices"

	"resellerd/policies"
)

// The kinds of disagreement between the live policy and its shadow: the first
// that applies.
const (
	kindError       = "error" // one of them could not decide
	kindAllowToDeny = "allow_to_deny"
	kindDenyToAllow = "deny_to_allow"
	kindFilter      = "filter" // of a list: other rows, as far as the conditions tell
	kindView        = "view"
	kindColumns     = "columns"
	kindReasons     = "reasons"
)

// disagreement tells how the shadow's decision differs, "" when it does not.
func disagreement(live *shadowed, check policies.Decision, plan *policies.Plan) string {
	was, is := outcomeOf(live.check, live.plan), outcomeOf(check, plan)
	switch {
	case was == is:
	case was == outcomeError || is == outcomeError:
		return kindError
	case is == outcomeDeny:
		return kindAllowToDeny
	default:
		return kindDenyToAllow
	}
	switch {
	case is == outcomeError:
		return ""
	case plan != nil:
		return planDisagreement(live.plan, plan)
	case check.View != live.check.View:
		return kindView
	case !slices.Equal(check.Columns, live.check.Columns):
		return kindColumns
	case !slices.Equal(check.Reasons, live.check.Reasons):
		return kindReasons
	}
	return ""
}

// planDisagreement compares conditions by what they say, not by the order that
// they say it in. Conditions that say the same in other words do differ.
func planDisagreement(was, is *policies.Plan) string {
	switch {
	case was == is:
		return ""
	case was.Filter.Canonical() != is.Filter.Canonical():
		return kindFilter
	case is.Outcome == outcomeDeny:
		return ""
	case !slices.Equal(was.ViewTexts(), is.ViewTexts()):
		return kindView
	case !slices.Equal(was.ColumnTexts(), is.ColumnTexts()):
		return kindColumns
	}
	return ""
}
