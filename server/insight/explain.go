package insight

import (
	"slices"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
)

// explanation returns an Explanation with the question, the outcome and the reasons.
func (r *Reader) explanation(in *input.Input, outcome policies.Outcome, reasons []string) *Explanation {
	return &Explanation{
		Action: in.Action.Name, Resource: Thing{Type: in.Resource.Type, ID: in.Resource.ID},
		Decision: string(outcome), Reasons: reasonTexts(r.Engine, reasons),
	}
}

// explainRow explains why an action on one resource is decided as d.
func (r *Reader) explainRow(in *input.Input, d policies.Decision, why policies.Explanation, s disclosure) *Explanation {
	x := r.explanation(in, d.Outcome, d.Reasons)
	x.View, x.Shown = d.View, d.Columns
	if !s.policy() {
		return x
	}
	x.Policy = &Grounds{Revision: r.Engine.Revision(), Rules: ruleTexts(why.Rules), Failed: conditionTexts(why.Failed)}
	if d.View != "" {
		x.Policy.Hidden = hiddenColumns(in.Resource.Type, d.Columns)
	}
	return x
}

// explainList explains on which rows of a type an action is allowed. If no row can be
// allowed, it explains the decision about a row without columns.
func (r *Reader) explainList(in *input.Input, plan *policies.Plan, s disclosure) (*Explanation, error) {
	if plan.Outcome != policies.OutcomeAllow {
		return r.explainNone(in, plan, s), nil
	}
	x := r.explanation(in, plan.Outcome, nil)
	for _, g := range plan.Columns {
		x.Shown = append(x.Shown, g.Columns...)
	}
	slices.Sort(x.Shown)
	if !s.policy() {
		return x, nil
	}
	filter, err := filterText(r.Store, session.ReadPlan{Type: in.Resource.Type, Plan: plan, Env: plan.Bind(r.Ctx, in), Leaf: in.Subject.Facts != nil && in.Subject.Facts.Leaf})
	if err != nil {
		return nil, err
	}
	x.Policy = &Grounds{Revision: r.Engine.Revision(), Filter: filter, Hidden: hiddenColumns(in.Resource.Type, x.Shown)}
	x.Policy.Views, x.Policy.Columns = caseTexts(plan)
	return x, nil
}

func (r *Reader) explainNone(in *input.Input, plan *policies.Plan, s disclosure) *Explanation {
	why := r.Engine.ExplainNone(r.Ctx, in)
	d := policies.Decision{Outcome: plan.Outcome}
	for _, code := range why.Decision.Reasons {
		if code != policies.ReasonNotVisible {
			d.Reasons = append(d.Reasons, code)
		}
	}
	return r.explainRow(in, d, why, s)
}

// hiddenColumns returns the columns of a type that are not in shown, sorted.
func hiddenColumns(typ string, shown []string) []string {
	var hidden []string
	for _, c := range schema.Info(typ).Columns {
		if c.Show && !slices.Contains(shown, c.Name) {
			hidden = append(hidden, c.Name)
		}
	}
	slices.Sort(hidden)
	return hidden
}

// explainAccess adds the access of the acting user in the areas that apply.
func (r *Reader) explainAccess(x *Explanation, in *input.Input, s disclosure) error {
	if r.Subject == nil {
		return nil
	}
	l := lineage{subject: r.Subject, shown: s}
	err := r.Store.Snapshot(r.Ctx, r.Subject.User.TenantID, func(m *store.Moment) (err error) {
		l.groups, err = m.GroupsOf(r.Ctx, r.Subject.User)
		return err
	})
	if err != nil {
		return err
	}
	for _, area := range areasFor(in.Action.Name, in.Resource.Type, in.Resource.ID) {
		if !areas.Valid(area) {
			continue
		}
		x.Access = append(x.Access, l.of(area, r.effective(area)))
	}
	return nil
}

// effective returns the actions that the policy allows the acting user in an area.
func (r *Reader) effective(area string) []string {
	left, named := []string{}, r.Areas()
	for _, action := range session.AccessActions {
		if r.Judge(r.Input(action, "area", areas.Asked(area, named))).Allow {
			left = append(left, action)
		}
	}
	return left
}
