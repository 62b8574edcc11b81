package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/session"
	"resellerd/server/strictjson"
	"resellerd/store"
	"resellerd/store/cardfile"
	"resellerd/store/cardfile/supplier"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// importProfileType is the type of profiles in a stored idempotency key.
const importProfileType = "import_profile"

// importProfileBody is a profile as its account sees it.
type importProfileBody struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"provider,customer" description:"of the cards: the profile belongs to their area"`
	supplier.Profile
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ETag      string    `json:"etag,omitempty" description:"in lists: the tag of the row, for If-Match"`
}

// importProfileNew is the body of a PUT. Everything else is learnt from the next import.
type importProfileNew struct {
	Kind    string             `json:"kind,omitempty" enum:"provider,customer" description:"default: provider"`
	Options []supplier.Setting `json:"options,omitempty"`
	Answers []supplier.Answer  `json:"answers,omitempty"`
	Limits  supplier.Limits    `json:"limits,omitempty"`
}

func profileBody(p store.ImportProfile) (importProfileBody, error) {
	b := importProfileBody{Name: p.Name, Kind: p.Kind, CreatedAt: p.CreatedAt.Time(), UpdatedAt: p.UpdatedAt.Time()}
	if err := json.Unmarshal([]byte(p.Rules), &b.Profile); err != nil {
		return b, fmt.Errorf("import profile: %w", err)
	}
	for _, list := range []any{&b.Options, &b.Answers, &b.Columns} {
		switch l := list.(type) {
		case *[]supplier.Setting:
			*l = append([]supplier.Setting{}, *l...)
		case *[]supplier.Answer:
			*l = append([]supplier.Answer{}, *l...)
		case *[]supplier.Shape:
			*l = append([]supplier.Shape{}, *l...)
		}
	}
	return b, nil
}

// shownProfile is a profile as the user sees it, and its representation. Prices of files are shown only to users who see
// all rates of the cards that they see.
func (r *inquiry) shownProfile(p store.ImportProfile) (b importProfileBody, text []byte, err error) {
	if b, err = profileBody(p); err != nil {
		return b, nil, err
	}
	if !r.CostsShown().Rates {
		b.Typical = nil
	}
	text, err = json.Marshal(b)
	return b, text, err
}

// cardArea is the area of the cards of a kind.
func cardArea(kind string) string { return session.CardArea(kind) }

// profileKinds returns the kinds of cards whose profiles the user may read, and the viewer of
// a preview as well. It returns the denial if the user may read none.
func (r *inquiry) profileKinds() (kinds []string, err error) {
	var denials []error
	both := []string{schema.ProviderCard, schema.CustomerCard}
	for _, kind := range both {
		if denied := r.mayArea("read", cardArea(kind)); denied != nil {
			denials = append(denials, denied)
		} else if r.ViewerReads(cardArea(kind)) {
			kinds = append(kinds, kind)
		}
	}
	if len(denials) == len(both) {
		return nil, denials[0]
	}
	return kinds, nil
}

// shownProfiles keeps the profiles that the user may read.
func (r *inquiry) shownProfiles(all []store.ImportProfile, err error) ([]store.ImportProfile, error) {
	if err != nil {
		return nil, err
	}
	kinds, err := r.profileKinds()
	return slices.DeleteFunc(all, func(p store.ImportProfile) bool { return !slices.Contains(kinds, p.Kind) }), err
}

// getImportProfiles lists the profiles of the own account, by name.
func getImportProfiles(r *exchange) error {
	all, err := r.shownProfiles(r.s.store.ImportProfiles(r.Ctx, r.Facts.Account.ID))
	if err != nil {
		return err
	}
	p, err := r.readParams(map[string]schema.ColumnInfo{})
	if err != nil {
		return err
	}
	total := len(all)
	if p.cursor != "" {
		at, _, err := r.openCursor(p.question, p.cursor)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(q store.ImportProfile) bool { return q.Name+" "+q.Kind <= at.ID })
	}
	body := page[importProfileBody]{Items: []importProfileBody{}}
	for _, q := range all[:min(len(all), p.limit)] {
		one, text, err := r.shownProfile(q)
		if err != nil {
			return err
		}
		one.ETag = r.s.etag(importProfileType, text)
		body.Items = append(body.Items, one)
	}
	if len(all) > p.limit {
		last := all[p.limit-1]
		if body.Next, err = r.sealCursor(p.question, &query.Cursor{ID: last.Name + " " + last.Kind}, ""); err != nil {
			return err
		}
	}
	if p.count {
		body.Total = &total
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, text)
}

// profileNamed returns the profile of a name that is shown: of two, that for provider cards.
func profileNamed(all []store.ImportProfile, name string, err error) (store.ImportProfile, error) {
	at := slices.IndexFunc(all, func(p store.ImportProfile) bool { return p.Name == name && p.Kind == schema.ProviderCard })
	if at < 0 {
		at = slices.IndexFunc(all, func(p store.ImportProfile) bool { return p.Name == name })
	}
	switch {
	case err != nil:
		return store.ImportProfile{}, err
	case at < 0:
		return store.ImportProfile{}, notFound()
	}
	return all[at], nil
}

func getImportProfile(r *exchange) error {
	name, err := r.param("name")
	if err != nil {
		return err
	}
	all, err := r.shownProfiles(r.s.store.ImportProfiles(r.Ctx, r.Facts.Account.ID))
	p, err := profileNamed(all, name, err)
	if err != nil {
		return err
	}
	_, text, err := r.shownProfile(p)
	if err != nil {
		return err
	}
	return r.answerRow(fiber.StatusOK, importProfileType, text)
}

// onProfile runs a write on a profile.
func onProfile(do func(w *writing, name string) (target, error), answer func(*writing, target) (written, error)) func(*exchange) error {
	return func(r *exchange) error {
		name, err := r.param("name")
		if err != nil {
			return err
		}
		return r.write(func(w *writing) (target, error) { return do(w, name) }, answer)
	}
}

// answerProfile answers with the profile as it is now. The target holds its kind and name.
func answerProfile(w *writing, t target) (written, error) {
	p, err := w.tx.ImportProfile(w.r.Ctx, w.r.Subject.Account.ID, t.sub, t.id)
	if errors.Is(err, fault.ErrNotFound) {
		err = notFound()
	}
	if err != nil {
		return written{}, err
	}
	_, text, err := w.r.shownProfile(p)
	return written{status: fiber.StatusOK, typ: importProfileType, body: text}, err
}

// seenProfile returns the shown profile of a name, and its representation; nil for none.
func (w *writing) seenProfile(name string) (*store.ImportProfile, []byte, error) {
	all, err := w.r.shownProfiles(w.tx.ImportProfiles(w.r.Ctx, w.r.Subject.Account.ID))
	p, err := profileNamed(all, name, err)
	if absent(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	_, text, err := w.r.shownProfile(p)
	return &p, text, err
}

func (w *writing) putProfile(name string) (target, error) {
	t := target{action: "update", typ: importProfileType, id: name, status: fiber.StatusOK}
	before, current, err := w.seenProfile(name)
	if err != nil {
		return t, err
	}
	f, malformed := w.sent.fields(anyField)
	kind := schema.ProviderCard
	if before != nil {
		kind = before.Kind
	}
	if malformed == nil {
		if value, sent := f.value("kind"); sent {
			kind, _ = value.(string)
		}
	}
	if kind != schema.ProviderCard && kind != schema.CustomerCard {
		return t, invalid("kind", "must be provider or customer")
	}
	if err := w.r.mayArea("update", cardArea(kind)); err != nil {
		return t, err
	}
	if malformed != nil {
		return t, malformed
	}
	shown, _ := strictjson.Parse(current) // nothing of a new profile is shown
	object, _ := shown.(map[string]any)
	if err := w.acceptShown(f, importProfileType, current, object, "kind", "options", "answers", "limits"); err != nil {
		return t, err
	}
	next, err := f.profile()
	if err != nil {
		return t, err
	}
	var taken error
	if before != nil && before.Kind != kind {
		taken = &problem{kind: kindConflict, field: "kind", detail: fmt.Sprintf("The profile %s is for %s cards. Give another name.", name, before.Kind)}
	}
	if err := w.checkIfMatch(importProfileType, current, taken); err != nil {
		return t, err
	}
	if before != nil {
		was, err := profileBody(*before)
		if err != nil {
			return t, err
		}
		next.Columns, next.Typical = was.Columns, was.Typical
	}
	t.sub = kind
	return t, w.keepProfile(kind, name, &next)
}

// keepProfile stores a profile, and writes an audit entry if it is another one than before.
func (w *writing) keepProfile(kind, name string, next *supplier.Profile) error {
	own := w.r.Subject.Account.ID
	rules, err := json.Marshal(next)
	if err != nil {
		return err
	}
	was, err := w.tx.ImportProfile(w.r.Ctx, own, kind, name)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return err
	}
	if was.Rules == string(rules) {
		return nil
	}
	if err := w.tx.PutImportProfile(w.r.Ctx, own, store.ImportProfile{Kind: kind, Name: name, Rules: string(rules)}); err != nil {
		return err
	}
	var before any
	if was.Name != "" {
		before = json.RawMessage(was.Rules)
	}
	return w.auditProfile(kind, name, before, json.RawMessage(rules))
}

func (w *writing) dropProfile(name string) (target, error) {
	t := target{action: "update", typ: importProfileType, id: name, status: fiber.StatusNoContent}
	before, current, err := w.seenProfile(name)
	if err == nil && before == nil {
		err = notFound()
	}
	if err != nil {
		return t, err
	}
	if err := w.r.mayArea("update", cardArea(before.Kind)); err != nil {
		return t, err
	}
	if err := w.checkIfMatch(importProfileType, current, nil); err != nil {
		return t, err
	}
	t.sub = before.Kind
	if err := w.tx.DeleteImportProfile(w.r.Ctx, w.r.Subject.Account.ID, before.Kind, name); err != nil {
		return t, err
	}
	return t, w.auditProfile(before.Kind, name, json.RawMessage(before.Rules), nil)
}

// auditProfile writes an audit entry about a profile of the own account.
func (w *writing) auditProfile(kind, name string, before, after any) error {
	own := w.r.Subject.Account.ID
	row, err := w.tx.PolicyRow(w.r.Ctx, "account", own)
	if err != nil {
		return err
	}
	column := session.ProfileColumn(kind, name)
	return w.audit(target{action: "update", typ: "account", id: own, row: row}, map[string]any{column: before}, map[string]any{column: after})
}

// profile reads the body of a profile.
func (f *fields) profile() (p supplier.Profile, err error) {
	p = supplier.Profile{Options: []supplier.Setting{}, Answers: []supplier.Answer{}, Columns: []supplier.Shape{}}
	f.value("kind")
	f.decode("options", &p.Options)
	f.decode("answers", &p.Answers)
	f.decode("limits", &p.Limits)
	for i, s := range p.Options {
		if err := profileOption(s); err != nil {
			f.refuse("options", "has a fault in entry "+strconv.Itoa(i+1)+": "+err.Error())
		}
	}
	for i, a := range p.Answers {
		if !supplier.Answers(a.Parameter) {
			f.refuse("answers", "has a fault in entry "+strconv.Itoa(i+1)+": "+a.Parameter+" answers no question")
		}
	}
	if p.Limits.Median < 0 || p.Limits.Row < 0 || p.Limits.Countries < 0 || p.Limits.Removed < 0 || max(p.Limits.Median, p.Limits.Row) > maxTimes || max(p.Limits.Countries, p.Limits.Removed) > 100 {
		f.refuse("limits", "must be numbers of times up to 1000000, and percents up to 100")
	}
	return p, f.err()
}

const maxTimes = 1_000_000

// profileOption checks an option that a profile holds.
func profileOption(s supplier.Setting) error {
	if supplier.Answers(s.Parameter) || slices.Contains(besideProfile, s.Parameter) {
		return errors.New(s.Parameter + " is no option of profiles")
	}
	q := importReader{}
	q.set(s.Parameter, s.Value)
	return q.err
}

// besideProfile are parameters that belong to one import.
var besideProfile = append([]string{"mode", "base", "name", "profile", "confirm"}, besidePlan...)

// decode reads a field that is a list or an object of known fields.
func (f *fields) decode(name string, into any) {
	value, sent := f.value(name)
	if !sent {
		return
	}
	text, err := json.Marshal(value)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		err = d.Decode(into)
	}
	if err != nil {
		f.refuse(name, "does not have the documented form")
	}
}

// usedProfile is the profile of an import.
type usedProfile struct {
	kind, name string
	rules      supplier.Profile
	stored     bool
	blind      bool // the user may not know the prices of the last file
	options    []supplier.Setting
	used       []supplier.Answer
	learnt     *supplier.Profile // after the file was read
}

// useProfile loads the profile that an import names. A name without a profile is a new one.
func (w *writing) useProfile(run *importRun) error {
	name := run.order.profile
	if name == "" {
		return nil
	}
	card, err := w.tx.Card(w.r.Ctx, run.card)
	if err != nil {
		return err
	}
	if err := w.r.mayArea("read", cardArea(card.Kind)); err != nil {
		return err
	}
	p := &usedProfile{kind: card.Kind, name: name, blind: !w.r.CostsShown().Rates}
	found, err := w.tx.ImportProfile(w.r.Ctx, w.r.Subject.Account.ID, card.Kind, name)
	switch {
	case errors.Is(err, fault.ErrNotFound):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal([]byte(found.Rules), &p.rules); err != nil {
			return fmt.Errorf("import profile: %w", err)
		}
		p.stored = true
	}
	if run.profile == nil || run.profile.on() != p.on() { // else it may have learnt already
		run.profile = p
	}
	return nil
}

// resolved returns the options for a file: those of the import, those of the profile that the
// import does not give, and the answers to the questions of the file.
func (p *usedProfile) resolved(ctx context.Context, f cardfile.File, order *importOrder, o cardfile.Options) (cardfile.Options, error) {
	var options, answers []supplier.Setting
	for _, g := range order.given {
		switch s := (supplier.Setting{Parameter: g[0], Value: g[1]}); {
		case supplier.Answers(s.Parameter):
			answers = append(answers, s)
		case !slices.Contains(besideProfile, s.Parameter):
			options = append(options, s)
		}
	}
	for _, s := range p.rules.Options {
		if !slices.ContainsFunc(order.given, func(g [2]string) bool { return g[0] == s.Parameter }) {
			options = append(options, s)
		}
	}
	q := importReader{}
	for _, s := range options {
		q.set(s.Parameter, s.Value)
	}
	if q.err != nil {
		return o, q.err
	}
	plain := q.order.options
	plain.Currency, plain.Direction, plain.Now, plain.Amend, plain.Work = o.Currency, o.Direction, o.Now, o.Amend, o.Work
	plain, used, err := p.rules.Resolve(ctx, f, plain, answers)
	p.options, p.used = options, used
	return plain, err
}

// known returns the rules of the profile that the user may know.
func (p *usedProfile) known() supplier.Profile {
	rules := p.rules
	if p.blind {
		rules.Typical = nil
	}
	return rules
}

// learn compares a file with the profile, and keeps what the profile is to be.
func (p *usedProfile) learn(report *cardfile.Report, typical *supplier.Typical, confirmed []string) error {
	known := p.known()
	if open := known.Changes(report, typical, confirmed); len(open) > 0 {
		return cardfile.Open(open, report.Mapping)
	}
	learnt := p.rules.Learn(p.options, p.used, report, typical)
	p.learnt = &learnt
	return nil
}

// on names the rules of the profile among the inputs of the reading, without prices that the user may not know.
func (p *usedProfile) on() string {
	if p == nil {
		return ""
	}
	text, err := json.Marshal(p.known())
	if err != nil {
		return err.Error() // impossible: it was read from JSON
	}
	return string(text)
}

// keepLearnt stores what an applied import has taught its profile.
func (w *writing) keepLearnt(p *usedProfile) error {
	if err := w.r.mayArea("update", cardArea(p.kind)); err != nil {
		return err
	}
	return w.keepProfile(p.kind, p.name, p.learnt)
}
