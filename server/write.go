package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/session"
	"resellerd/server/strictjson"
	"resellerd/server/webhook"
	"resellerd/store"
	"resellerd/store/query"
)

// writing is one running write, inside its transaction. The acting user's facts
// are read in the transaction, so that a right that was just revoked no longer
// counts.
type writing struct {
	r    *inquiry
	tx   *store.Tx
	sent *sent      // what the writer sent; nil for none
	key  *repeatKey // nil without the header
	// anew is the access that an update of an account newly allows; nil before it.
	anew   map[string][]string
	access *store.RateAccess // of the acting user to rates; nil until it is needed
	secret webhook.Secret    // that the write has made; nil for none

	decided int         // the decisions that were made outside of the transaction
	held    *heldInputs // where inputs wait for these decisions; nil for memory
}

// written is the answer to a write.
type written struct {
	status int
	typ    string // of the answered row, for its ETag
	body   []byte // the representation as the writer sees it; nil for none
	more   []byte // an object whose members are added to the body, and not to the tag
	at     string // for the Location header; "" for none
}

// target identifies what a write was about.
type target struct {
	action, typ, id string
	sub             string         // the account, customer or revision, or the report of an import
	row             map[string]any // policy columns after the write, or before a delete
	first           firstMade
	status          int
}

// write is the only way to change data. One transaction reloads the acting user,
// runs do, and answers. do decides, validates, applies and audits. answer then reads
// the result as the writer sees it. If do needs long work, the transaction ends, the
// work is done, and the transaction runs again: see store.WriteLong. A repeated
// request with the same Idempotency-Key is authorised again and answered the same way.
func (r *exchange) write(do func(*writing) (target, error), answer func(*writing, target) (written, error)) error {
	if r.Viewer != nil {
		return forbidden("a preview cannot write")
	}
	dry, err := r.isDryRun()
	if err != nil {
		return err
	}
	key, err := r.repeatKey()
	if err != nil {
		return err
	}
	if dry {
		return r.dryRun(do, answer)
	}
	sent, out := r.sent(), written{}
	err = r.s.store.WriteLong(r.Ctx, r.Facts.Account.TenantID, func(tx *store.Tx) error {
		w := &writing{r: &r.inquiry, tx: tx, sent: sent, key: key}
		if err := w.reload(); err != nil {
			return err
		}
		done, repeated, err := w.repeated()
		if err == nil && !repeated {
			done, err = w.first(do)
		}
		if err == nil {
			out, err = answer(w, done)
		}
		return err
	})
	if err != nil {
		return r.explained(err)
	}
	return r.answerWritten(out)
}

// first runs a write that was not done before, and stores its target for
// repetitions.
func (w *writing) first(do func(*writing) (target, error)) (target, error) {
	done, err := do(w)
	if err != nil {
		return done, err
	}
	return done, w.remember(done)
}

func (r *exchange) answerWritten(out written) error {
	if out.at != "" {
		r.c.Set(fiber.HeaderLocation, out.at)
	}
	if out.body == nil {
		r.c.Status(fiber.StatusNoContent)
		return nil
	}
	if len(out.more) > len("{}") {
		r.c.Set(fiber.HeaderETag, r.s.etag(out.typ, out.body))
		return r.send(out.status, fiber.MIMEApplicationJSON, out.whole())
	}
	return r.answerRow(out.status, out.typ, out.body)
}

// whole is the body with the members that are added to it.
func (out written) whole() []byte {
	if len(out.more) <= len("{}") {
		return out.body
	}
	whole := append(slices.Clone(out.body[:len(out.body)-1]), ',')
	return append(whole, out.more[1:]...)
}

// reload reads the acting user again inside the transaction. A right that
// another write has just revoked no longer counts.
func (w *writing) reload() error {
	a, err := w.r.Users.FindAt(w.r.Ctx, w.tx.Moment(), w.r.Subject.User.ID)
	if session.IsUnknown(err) {
		return unknownUser(err)
	}
	if err != nil {
		return err
	}
	switch {
	case !a.UserActive():
		return unknownUser(fmt.Errorf("user %q: %w", a.Subject.User.ID, session.ErrNotActive))
	case !a.AccountActive():
		return unknownUser(fmt.Errorf("user %q: %w", a.Subject.User.ID, session.ErrAccountNotActive))
	}
	w.r.Actor, w.r.Subject, w.r.Facts, w.access = nil, a.Subject, a.Facts, nil
	return nil
}

// seen is a row as the writer sees it.
type seen struct {
	row    query.Row
	json   []byte
	object map[string]any
	view   string
}

func (s seen) shows(column string) bool {
	_, ok := s.object[column]
	return ok
}

// see returns the row with this id as the writer sees it, or 404.
func (w *writing) see(typ, id string) (seen, error) {
	p, err := w.r.ReadPlan(typ)
	if err != nil {
		return seen{}, err
	}
	p.Leaf = false
	row, err := w.r.One(w.tx, p, id)
	if err != nil {
		return seen{}, err
	}
	return newSeen(row)
}

func newSeen(row query.Row) (seen, error) {
	s := seen{row: row, json: row.AppendJSON(nil), view: row.View}
	value, err := strictjson.Parse(s.json)
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return s, fmt.Errorf("row: %w", errors.Join(err, errNoObject))
	}
	s.object = object
	return s, nil
}

var errNoObject = errors.New("is not an object")

// sees reports whether the writer sees a row.
func (w *writing) sees(typ, id string) (bool, error) {
	_, err := w.see(typ, id)
	if err == nil {
		return true, nil
	}
	if unseen(err) {
		return false, nil
	}
	return false, err
}

// unseen reports whether an error means that the reader does not see something.
func unseen(err error) bool {
	return absent(err) || problemOf(err).kind.status == fiber.StatusForbidden
}

// may decides on an action on a stored row. It returns nil or the denial.
func (w *writing) may(action, typ, id string, change *input.Change) error {
	row, err := w.tx.PolicyRow(w.r.Ctx, typ, id)
	if err != nil {
		return err
	}
	return w.mayRow(action, typ, id, row, nil, change)
}

func (w *writing) mayRow(action, typ, id string, row, properties map[string]any, change *input.Change) error {
	in := w.r.Input(action, typ, id)
	in.Resource.Row, in.Action.Properties, in.Action.Change = row, properties, change
	d, err := w.decide(in)
	if err == nil && !d.Allow {
		err = denied(d)
	}
	return err
}

// longChange is the usual Server.longChange. Tests set another one.
const longChange = 32

// guess is what a large write goes on with until a decision is made: see store.Ahead.
var guess = policies.Decision{Allow: true, Columns: []string{"id"}}

// areaSize is how many bytes an area of a change needs in memory, about.
const areaSize = 200

// decide is Decide. Other writers do not wait for a decision about many areas: it is
// made outside of the transaction, in a turn of heavy work. If its facts have changed
// meanwhile, it is made again.
func (w *writing) decide(in *input.Input) (policies.Decision, error) {
	c := in.Action.Change
	if c == nil {
		return w.r.Decide(in), nil
	}
	long := len(c.Before) + len(c.After) + len(c.Held)
	if long < w.r.s.longChange {
		return w.r.Decide(in), nil
	}
	facts, err := w.r.Engine.Fingerprint(in)
	if err != nil {
		return w.r.Decide(in), nil //nolint:nilerr // the decision fails for the same reason, and tells it
	}
	w.decided++
	type judged struct {
		policies.Decision
		took time.Duration
	}
	load, size := w.hold(in, areaSize*long)
	j, guessed, err := store.Ahead(w.r.Ctx, w.tx, fmt.Sprint("decision ", w.decided), facts, judged{Decision: guess}, size, func(ctx context.Context) (j judged, err error) {
		in, err := load()
		if err != nil {
			return j, err
		}
		err = w.r.inTurn(ctx, func() {
			start := w.r.Now()
			j = judged{w.r.Judge(in), w.r.Now().Sub(start)}
		})
		return j, err
	})
	if err != nil || guessed {
		return j.Decision, err
	}
	return w.r.Decided(in, j.Decision, w.r.Now().Add(-j.took)), nil
}

// hold returns a function that returns the input, and how many bytes of memory it needs until then:
// size, or less if the write keeps inputs on disk.
func (w *writing) hold(in *input.Input, size int) (load func() (*input.Input, error), bytes int) {
	if w.held != nil {
		if load := w.held.keep(in); load != nil {
			return load, min(size, heldSize)
		}
	}
	return func() (*input.Input, error) { return in, nil }, size
}

// mayCreate decides on a row that does not exist yet, and returns the columns
// that its creator will be shown. The owner is visible at this point, so a
// denial is always a 403.
func (w *writing) mayCreate(typ string, row map[string]any, change *input.Change) (map[string]bool, error) {
	in := w.r.Input("create", typ, "")
	in.Resource.Row, in.Action.Change = row, change
	d, err := w.decide(in)
	if err != nil {
		return nil, err
	}
	if !d.Allow {
		return nil, session.DeniedOpenly(d)
	}
	columns := map[string]bool{}
	for _, c := range d.Columns {
		columns[c] = true
	}
	return columns, nil
}

// changed returns the names of the sent fields whose value differs from what the
// writer sees, sorted. It considers only fields that the writer is shown.
func (s seen) changed(f *fields) []string {
	var names []string
	for _, name := range f.names() {
		if !reflect.DeepEqual(f.sent[name], s.object[name]) {
			names = append(names, name)
		}
	}
	return names
}

// audit writes an audit entry with the actor, the action and the columns that
// changed.
func (w *writing) audit(t target, before, after map[string]any) error {
	if t.typ == "webhook" {
		before, after = w.r.s.auditedWebhook(before), w.r.s.auditedWebhook(after)
	}
	change, err := session.AuditChange(t.typ, t.row, before, after)
	if err != nil {
		return err
	}
	account, _ := t.row["account_id"].(string)
	if t.typ == "account" {
		account = t.id
	}
	_, err = w.tx.Audit(w.r.Ctx, store.AuditEntry{
		ActorID: w.r.Subject.User.ID, ActorAccountID: w.r.Subject.Account.ID, AccountID: account, Panel: w.r.Caller.Panel,
		ResourceType: t.typ, ResourceID: t.id, Action: t.action, Change: change,
	})
	return err
}

// checkIfMatch checks If-Match and returns the first error to report. A conflict
// with stored data comes after a failed If-Match; any other error comes before
// it.
func (w *writing) checkIfMatch(typ string, current []byte, applied error) error {
	if applied != nil && problemOf(applied).kind.status != fiber.StatusConflict {
		return applied
	}
	if err := w.sent.matches(w.r.s.etag(typ, current)); err != nil {
		return err
	}
	return applied
}

// columnsOf returns a predicate on field names: the shown columns, and those
// that a write adds.
func columnsOf(columns map[string]bool, more ...string) func(string) bool {
	all := maps.Clone(columns)
	for _, name := range more {
		all[name] = true
	}
	return func(name string) bool { return all[name] }
}

// rates returns the writer's access to rates, in its transaction.
func (w *writing) rates() store.RateAccess {
	if w.access == nil {
		access := w.r.RateAccess(w.tx.PolicyRow)
		w.access = &access
	}
	return *w.access
}

// mayProve refuses a writer who may not read all rates that a proof or a build
// of a card needs.
func (w *writing) mayProve(card, revision string) error {
	return w.tx.MayProve(w.r.Ctx, w.rates(), card, revision)
}
