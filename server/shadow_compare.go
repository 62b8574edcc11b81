package server

import (
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/predicate"
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
	case canonical(was.Filter) != canonical(is.Filter):
		return kindFilter
	case is.Outcome == outcomeDeny:
		return ""
	case !slices.Equal(viewTexts(was), viewTexts(is)):
		return kindView
	case !slices.Equal(columnTexts(was), columnTexts(is)):
		return kindColumns
	}
	return ""
}

// viewTexts says which view is shown on which condition, sorted.
func viewTexts(p *policies.Plan) []string {
	texts := make([]string, 0, len(p.Views))
	for _, v := range p.Views {
		texts = append(texts, v.Name+" when "+canonical(v.When))
	}
	slices.Sort(texts)
	return texts
}

// columnTexts says which column is shown on which condition, sorted.
func columnTexts(p *policies.Plan) []string {
	var texts []string
	for _, group := range p.Columns {
		when := canonical(group.When)
		for _, name := range group.Columns {
			texts = append(texts, name+" when "+when)
		}
	}
	slices.Sort(texts)
	return texts
}

// canonical is the text of a filter, whatever the order of its parts.
func canonical(f predicate.Filter) string {
	if f.Kind != predicate.Where || f.Where == nil {
		return f.String()
	}
	return canonicalText(f.Where)
}

func canonicalText(e predicate.Expr) string {
	join := func(word string, parts []predicate.Expr) string {
		texts := make([]string, len(parts))
		for i, part := range parts {
			texts[i] = canonicalText(part)
		}
		slices.Sort(texts)
		return word + "(" + strings.Join(slices.Compact(texts), "; ") + ")"
	}
	switch e := e.(type) {
	case predicate.And:
		return join("and", e)
	case predicate.Or:
		return join("or", e)
	case predicate.Not:
		return "not " + canonicalText(e.X)
	default:
		return predicate.Text(e)
	}
}
