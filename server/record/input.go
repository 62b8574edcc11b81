package record

import (
	"maps"
	"strconv"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/decisionlog"
	"resellerd/store/schema"
)

// Input appends the policy input as JSON. The content is that of Engine.Document, but
// Input builds no maps. known is the cached text of the subject's facts, or nil.
func (w *Writer) Input(m *Mask, e *policies.Engine, in *input.Input, known *FactsText) {
	w.Dst = append(w.Dst, '{')
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
	w.Dst = append(w.Dst, '}')
}

func (w *Writer) subject(m *Mask, e *policies.Engine, in *input.Input, known *FactsText) {
	s := &in.Subject
	w.Dst = append(w.Dst, '{')
	w.Text(m, "type", s.Type)
	w.id(m, "/input/subject/id", s.Type, s.ID)
	w.properties(m, s.Properties)
	switch {
	case s.Facts == nil:
	case known != nil && known.Profile != nil:
		w.Dst = append(w.Dst, ',')
		from := len(w.Dst)
		w.Dst = append(w.Dst, known.text...)
		w.mark(`"profile":`, from, known.Profile)
		w.erased = append(w.erased, known.erased...)
	default:
		w.facts(m, s.Facts)
	}
	if s.Facts != nil {
		w.below = e.AppendBelow(w.below[:0], in)
		if _, ok := w.name(m, "below"); ok {
			w.Dst = AppendStrings(w.Dst, w.below)
		}
	}
	w.Dst = append(w.Dst, '}')
}

// id appends the id of a subject or of a row, which is at path. What a request calls a user
// may be its external id, or anything else that a person typed. The log takes only ids of
// the store, and says that it lacks the others.
func (w *Writer) id(m *Mask, path, typ, id string) {
	if typ == "user" && id != "" && !schema.LikeID(id) && !m.At("id").Erases() {
		w.erased = append(w.erased, path)
		return
	}
	w.Text(m, "id", id)
}

// facts appends what the store knows about the subject.
func (w *Writer) facts(m *Mask, f *input.Facts) {
	w.Any(m, "user", f.User)
	if inner, ok := w.name(m, "account"); ok {
		w.account(inner, &f.Account)
	}
	if inner, ok := w.name(m, "access"); ok {
		w.access(inner, f.Access)
	}
	w.groups(m, f.Groups)
}

func (w *Writer) groups(m *Mask, groups []input.Group) {
	inner, ok := w.name(m, "groups")
	if !ok {
		return
	}
	w.Dst = append(w.Dst, '[')
	for i, g := range groups {
		if i > 0 {
			w.Dst = append(w.Dst, ',')
		}
		w.Dst = append(w.Dst, '{')
		at := inner.At(strconv.Itoa(i))
		if g.ID != "" {
			w.Text(at, "id", g.ID)
		}
		if g.Template != "" {
			w.Text(at, "template", g.Template)
		}
		w.Dst = append(w.Dst, '}')
	}
	w.Dst = append(w.Dst, ']')
}

func (w *Writer) account(m *Mask, a *input.AccountFacts) {
	w.Dst = append(w.Dst, '{')
	w.Text(m, "id", a.ID)
	if a.ParentID != "" {
		w.Text(m, "parent_id", a.ParentID)
	}
	w.Text(m, "tenant_id", a.TenantID)
	w.Text(m, "kind", a.Kind)
	w.Text(m, "status", a.Status)
	w.number(m, "depth", int64(a.Depth))
	if a.ListedAreas {
		w.Any(m, "listed_areas", true)
	}
	w.Dst = append(w.Dst, '}')
}

func (w *Writer) access(m *Mask, access map[string][]string) {
	w.Dst = append(w.Dst, '{')
	for _, area := range sortedNames(access) {
		if _, ok := w.name(m, area); ok {
			w.Dst = AppendStrings(w.Dst, access[area])
		}
	}
	w.Dst = append(w.Dst, '}')
}

func (w *Writer) action(m *Mask, a *input.Action) {
	w.Dst = append(w.Dst, '{')
	w.Text(m, "name", a.Name)
	w.actionProperties(m, a)
	if a.Change != nil {
		if inner, ok := w.name(m, "change"); ok {
			w.change(inner, a.Change)
		}
	}
	w.Dst = append(w.Dst, '}')
}

func (w *Writer) change(m *Mask, c *input.Change) {
	w.Dst = append(w.Dst, '{')
	if _, ok := w.name(m, "fields"); ok {
		w.Dst = AppendStrings(w.Dst, c.Fields)
	}
	for _, side := range []struct {
		name   string
		access map[string][]string
	}{{"before", c.Before}, {"after", c.After}, {"held", c.Held}} {
		if inner, ok := w.name(m, side.name); ok {
			from := len(w.Dst)
			w.access(inner, side.access)
			w.mark("", from, nil)
		}
	}
	w.Dst = append(w.Dst, '}')
}

// actionProperties appends the properties with the form of the request. The form is left
// out if it is input.FormOne, which most entries have.
func (w *Writer) actionProperties(m *Mask, a *input.Action) {
	form := a.OwnForm()
	if form == "" || form == input.FormOne {
		w.properties(m, a.Properties)
		return
	}
	sent := maps.Clone(a.Properties)
	if sent == nil {
		sent = map[string]any{}
	}
	sent["form"] = form
	w.properties(m, sent)
}

// properties appends the properties that the request sent, if any.
func (w *Writer) properties(m *Mask, sent map[string]any) {
	if len(sent) > 0 {
		w.Any(m, "properties", sent)
	}
}

// resourceOwn and contextSet name the members that resellerd sets itself. A member of
// the same name that the caller sent does not reach the policy.
var (
	resourceOwn = map[string]bool{"type": true, "id": true, "properties": true}
	contextSet  = map[string]bool{"client_ip": true, "time": true, "panel": true}
)

func (w *Writer) resource(m *Mask, res *input.Resource) {
	w.Dst = append(w.Dst, '{')
	w.Text(m, "type", res.Type)
	if res.ID != "" {
		w.id(m, "/input/resource/id", res.Type, res.ID)
	}
	w.properties(m, res.Properties)
	w.members(m, res.Row, resourceOwn)
	w.Dst = append(w.Dst, '}')
}

func (w *Writer) context(m *Mask, c *input.Context) {
	w.Dst = append(w.Dst, '{')
	if c.ClientIP != "" {
		w.Text(m, "client_ip", c.ClientIP)
	}
	if _, ok := w.name(m, "time"); ok {
		w.Dst = appendTime(w.Dst, c.Time)
	}
	if c.Panel != "" {
		w.Text(m, "panel", c.Panel)
	}
	w.members(m, c.Properties, contextSet)
	w.Dst = append(w.Dst, '}')
}

// Result appends the decision, or the plan or access of a Listed.
func (w *Writer) Result(m *Mask, d policies.Decision, l *Listed) {
	if m.Erases() {
		w.erased = append(w.erased, m.path)
		return
	}
	w.name(nil, "result")
	w.Dst = append(w.Dst, '{')
	from := len(w.Dst)
	switch {
	case l != nil && l.Access != nil:
		if inner, ok := w.name(m, "access"); ok {
			w.access(inner, l.Access)
		}
	case l != nil:
		w.plan(m, l.Plan)
	default:
		w.decision(m, d)
	}
	if l != nil {
		w.mark(`"answer":`, from, nil)
	}
	w.Dst = append(w.Dst, '}')
}

// plan appends a list's filter, views and columns.
func (w *Writer) plan(m *Mask, p *policies.PlanText) {
	w.Text(m, "filter", p.Filter)
	if len(p.Views) > 0 {
		w.Any(m, "views", p.Views)
	}
	if len(p.Columns) > 0 {
		w.Any(m, "shown", p.Columns)
	}
}

func (w *Writer) decision(m *Mask, d policies.Decision) {
	w.Any(m, "allow", d.Allow)
	w.Any(m, "reasons", d.Reasons)
	if d.View == "" {
		return
	}
	at := len(w.Dst)
	w.Text(m, "view", d.View)
	w.Any(m, "columns", d.Columns)
	if at == len(w.Dst) {
		return
	}
	if w.Dst[at] == ',' {
		at++
	}
	w.mark(`"answer":`, at, nil)
}

// FactsText is the masked text of a subject's facts. It is made once for all entries.
type FactsText struct {
	text   []byte   // empty if the text depends on the entry
	erased []string // paths that the mask erased
	// Profile is the same text as a record. Entries of the log refer to it.
	Profile *decisionlog.Profile
}

// NewFactsText writes facts under a static mask, which is the same for every entry. A
// nil mask erases nothing.
func NewFactsText(m *Mask, f *input.Facts) FactsText {
	w := &Writer{Dst: []byte{'{'}}
	w.facts(m.At("input").At("subject"), f)
	t := FactsText{text: w.Dst[1:], erased: w.erased}
	if len(t.text) > 0 {
		t.Profile = newProfile("profile", t.text)
	}
	return t
}
