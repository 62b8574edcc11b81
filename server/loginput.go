package server

import (
	"resellerd/policies"
	"resellerd/policies/input"
)

// input appends what the policy read, as policies.Input.Document gives it,
// without making the maps. Known is the subject's cached text, or nil.
func (w *fieldWriter) input(m *mask, e *policies.Engine, in *input.Input, known *actor) {
	w.dst = append(w.dst, '{')
	if inner, ok := w.name(m, "subject"); ok {
		w.subject(inner, e, in, known)
	}
	if inner, ok := w.name(m, "action"); ok {
		w.action(inner, &in.Action)
	}
	if inner, ok := w.name(m, "resource"); ok {
		w.resource(inner, &in.Resource)
	}
	if inner, ok := w.name(m, "context"); ok {
		w.context(inner, &in.Context)
	}
	w.dst = append(w.dst, '}')
}

func (w *fieldWriter) subject(m *mask, e *policies.Engine, in *input.Input, known *actor) {
	s := &in.Subject
	w.dst = append(w.dst, '{')
	w.text(m, "type", s.Type)
	w.text(m, "id", s.ID)
	w.properties(m, s.Properties)
	switch {
	case s.Facts == nil:
	case known != nil && len(known.log) > 0:
		w.dst = append(append(w.dst, ','), known.log...)
		w.erased = append(w.erased, known.erased...)
	default:
		w.facts(m, s.Facts)
	}
	if s.Facts != nil {
		w.below = e.AppendBelow(w.below[:0], in)
		if _, ok := w.name(m, "below"); ok {
			w.dst = appendStrings(w.dst, w.below)
		}
	}
	w.dst = append(w.dst, '}')
}

// facts appends the members that the store knows about the subject.
func (w *fieldWriter) facts(m *mask, f *input.Facts) {
	w.any(m, "user", f.User)
	if inner, ok := w.name(m, "account"); ok {
		w.account(inner, &f.Account)
	}
	if inner, ok := w.name(m, "access"); ok {
		w.access(inner, f.Access)
	}
	w.number(m, "groups", int64(f.Groups))
}

func (w *fieldWriter) account(m *mask, a *input.AccountFacts) {
	w.dst = append(w.dst, '{')
	w.text(m, "id", a.ID)
	if a.ParentID != "" {
		w.text(m, "parent_id", a.ParentID)
	}
	w.text(m, "tenant_id", a.TenantID)
	w.text(m, "kind", a.Kind)
	w.text(m, "status", a.Status)
	w.number(m, "depth", int64(a.Depth))
	w.dst = append(w.dst, '}')
}

func (w *fieldWriter) access(m *mask, access map[string][]string) {
	w.dst = append(w.dst, '{')
	for _, area := range sortedNames(access) {
		if _, ok := w.name(m, area); ok {
			w.dst = appendStrings(w.dst, access[area])
		}
	}
	w.dst = append(w.dst, '}')
}

func (w *fieldWriter) action(m *mask, a *input.Action) {
	w.dst = append(w.dst, '{')
	w.text(m, "name", a.Name)
	w.properties(m, a.Properties)
	if a.Change != nil {
		if inner, ok := w.name(m, "change"); ok {
			w.change(inner, a.Change)
		}
	}
	w.dst = append(w.dst, '}')
}

func (w *fieldWriter) change(m *mask, c *input.Change) {
	w.dst = append(w.dst, '{')
	if _, ok := w.name(m, "fields"); ok {
		w.dst = appendStrings(w.dst, c.Fields)
	}
	for _, side := range []struct {
		name   string
		access map[string][]string
	}{{"before", c.Before}, {"after", c.After}, {"held", c.Held}} {
		if inner, ok := w.name(m, side.name); ok {
			w.access(inner, side.access)
		}
	}
	w.dst = append(w.dst, '}')
}

// properties appends what the request said, when it said something.
func (w *fieldWriter) properties(m *mask, sent map[string]any) {
	if len(sent) > 0 {
		w.any(m, "properties", sent)
	}
}

// resourceOwn and contextSet are the members that resellerd sets itself: what
// was sent under these names does not reach the policy.
var (
	resourceOwn = map[string]bool{"type": true, "id": true, "properties": true}
	contextSet  = map[string]bool{"client_ip": true, "time": true, "panel": true}
)

func (w *fieldWriter) resource(m *mask, res *input.Resource) {
	w.dst = append(w.dst, '{')
	w.text(m, "type", res.Type)
	if res.ID != "" {
		w.text(m, "id", res.ID)
	}
	w.properties(m, res.Properties)
	w.members(m, res.Row, resourceOwn)
	w.dst = append(w.dst, '}')
}

func (w *fieldWriter) context(m *mask, c *input.Context) {
	w.dst = append(w.dst, '{')
	if c.ClientIP != "" {
		w.text(m, "client_ip", c.ClientIP)
	}
	if _, ok := w.name(m, "time"); ok {
		w.dst = appendTime(w.dst, c.Time)
	}
	if c.Panel != "" {
		w.text(m, "panel", c.Panel)
	}
	w.members(m, c.Properties, contextSet)
	w.dst = append(w.dst, '}')
}

// result appends the decision, or for a list its filter.
func (w *fieldWriter) result(m *mask, d policies.Decision, l *listed) {
	if m.erases() {
		w.erased = append(w.erased, m.path)
		return
	}
	w.name(nil, "result")
	w.dst = append(w.dst, '{')
	switch {
	case l != nil && l.access != nil:
		if inner, ok := w.name(m, "access"); ok {
			w.access(inner, l.access)
		}
	case l != nil:
		w.plan(m, l.plan)
	default:
		w.decision(m, d)
	}
	w.dst = append(w.dst, '}')
}

// plan appends a list's filter, views and columns.
func (w *fieldWriter) plan(m *mask, p *policies.PlanText) {
	w.text(m, "filter", p.Filter)
	if len(p.Views) > 0 {
		w.any(m, "views", p.Views)
	}
	if len(p.Columns) > 0 {
		w.any(m, "shown", p.Columns)
	}
}

func (w *fieldWriter) decision(m *mask, d policies.Decision) {
	w.any(m, "allow", d.Allow)
	w.any(m, "reasons", d.Reasons)
	if d.View != "" {
		w.text(m, "view", d.View)
		w.any(m, "columns", d.Columns)
	}
}

// factsText makes the masked text of an actor's facts, unless the mask depends
// on the entry.
func factsText(held *engineView, f *input.Facts) (text []byte, erased []string) {
	if held.err != nil || !held.static {
		return nil, nil
	}
	w := &fieldWriter{dst: []byte{'{'}}
	w.facts(held.mask.at("input").at("subject"), f)
	return w.dst[1:], w.erased
}
