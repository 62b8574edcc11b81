package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/fair"
	"resellerd/store"
	"resellerd/store/cardfile"
	"resellerd/store/cardfile/supplier"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

const importPath = "/v1/cards/:id/import"

var importDoc = operation{
	summary: "Import a file of rates: first what would change, then new drafts", tag: "cards", query: importQuery{},
	response: importBody{}, headers: writeHeaders, upload: true,
}

// importBody reports the contents of a file and the changes that it makes to the
// card.
type importBody struct {
	Mode    string `json:"mode"`
	Base    string `json:"base,omitempty"`
	Profile string `json:"profile,omitempty"`
	Applied bool   `json:"applied"`
	cardfile.Report
	Plan      string         `json:"plan,omitempty" description:"of a preview: give it to apply exactly this, without another upload"`
	PlanUntil *time.Time     `json:"plan_until,omitempty"`
	Revisions []importedBody `json:"revisions" nullable:"false" description:"one for now and one for each later date, each compared with what is in force before it"`
}

type importedBody struct {
	ID     string     `json:"id,omitempty" description:"the new revision, if the file was applied"`
	Status string     `json:"status,omitempty"`
	LiveAt *time.Time `json:"live_at,omitempty"`
	Rows   int64      `json:"rows"`
	*RateChanges
	Rises       []moveBody   `json:"rises,omitempty" description:"the prices that rise most, at most 20"`
	Falls       []moveBody   `json:"falls,omitempty" description:"the prices that fall most, at most 20"`
	Longer      []longerBody `json:"longer,omitempty" description:"the first changed prefixes with longer ones that keep their rates, at most 100"`
	LongerTotal int64        `json:"longer_total,omitempty" description:"how many such prefixes there are"`
}

type moveBody struct {
	Prefix string `json:"prefix"`
	Was    string `json:"was"`
	Is     string `json:"is"`
	Call   bool   `json:"call,omitempty" description:"these are costs of a call of one minute, with its fee and steps"`
	Under  string `json:"under,omitempty" description:"the prefix is new, and this shorter one applied before"`
}

type longerBody struct {
	Prefix string `json:"prefix"`
	Kept   int64  `json:"kept" description:"longer prefixes that keep their rates"`
}

// RateChanges counts the changes against the prefixes that were in force.
type RateChanges struct {
	Created   int64 `json:"created"`
	Up        int64 `json:"up"`
	Down      int64 `json:"down"`
	Changed   int64 `json:"changed" description:"another name or status"`
	Removed   int64 `json:"removed"`
	Unchanged int64 `json:"unchanged"`
}

// postImport imports a file into new drafts of a card, or previews the import.
// It receives the whole file before it waits for its turn, so that nobody waits
// for a slow sender. It reads the file outside of the transaction that decides and
// makes the drafts, so that no other write waits for the file. A preview writes
// nothing.
func postImport(r *exchange) error {
	card, err := r.param("id")
	if err != nil {
		return err
	}
	if r.Viewer != nil {
		return forbidden("a preview cannot write")
	}
	if err := r.mayImport(card); err != nil {
		return err
	}
	order, err := r.readImportQuery()
	if err != nil {
		return err
	}
	run := &importRun{card: card, order: order}
	if order.plan != "" {
		run.plan = r.s.plans.use(r.Subject.User.ID, card, order.plan, r.s.now())
		defer r.s.plans.release(run.plan)
		run.planned()
	}
	if run.order.mode == modeAmend {
		if err := r.RateAccess(r.s.store.PolicyRow).Reads(r.Ctx, card); err != nil {
			return err
		}
	}
	if strings.HasPrefix(r.header(fiber.HeaderContentType), fiber.MIMEMultipartForm) {
		return &problem{kind: kindMediaType, detail: "Send the file itself as the body, not as a form."}
	}
	place, err := r.filePlace()
	if err != nil {
		return err
	}
	defer place.Leave()
	if r.file, err = r.upload(); err != nil {
		return err
	}
	owned := false // by the plan
	defer func() {
		if !owned {
			_ = r.file.Close() // nobody needs it any more
		}
	}()
	if order.plan != "" && r.file.size > 0 {
		return invalid("plan", "is given beside a body: send none, because the file is kept")
	}
	if run.plan == nil {
		run.upload = importUpload{r.file, strings.Clone(r.header(fiber.HeaderContentType))}
	}
	turn, err := r.turn(r.Ctx)
	if err != nil {
		return err
	}
	defer turn.Leave()
	r.Ctx, r.hasTurn = working(r.Ctx, turn), true
	run.order.options.Work = r.s.cfg.Limits.ImportWork
	if !order.apply {
		owned, err = r.previewImport(run)
		return err
	}
	return r.write(func(w *writing) (target, error) { return w.applyImport(run) }, answerImport)
}

// importRun is an import with the report of its file, once that was read.
type importRun struct {
	card    string
	order   importOrder
	upload  importUpload
	plan    *importPlan  // to apply; nil for none
	profile *usedProfile // nil for none
	sample  supplier.Sample
	known   store.Compared // prices for the sample
	report  *cardfile.Report
}

// planned takes the file and the order of the plan, and leaves what the request says about
// applying it.
func (run *importRun) planned() {
	if run.plan == nil {
		return
	}
	apply, skip, schedule := run.order.apply, run.order.skipRefused, run.order.schedule
	run.order, run.upload = run.plan.order, run.plan.upload
	run.order.apply, run.order.skipRefused, run.order.schedule, run.order.plan = apply, skip, schedule, run.plan.id
}

// filePlace takes a place for a file, which has not arrived yet.
func (r *exchange) filePlace() (*fair.Place, error) {
	ctx, cancel := context.WithTimeout(r.Ctx, r.s.cfg.Limits.Request)
	defer cancel()
	return r.take(ctx, r.s.limiter.files, "files")
}

// mayImport decides before the file is received. The write decides again.
func (r *inquiry) mayImport(card string) error {
	cards, err := r.ReadPlan("card")
	if err != nil {
		return err
	}
	if _, err := r.One(r.Store, cards, card); err != nil {
		return err
	}
	in := r.Input("update", "card", card)
	if in.Resource.Row, err = r.s.store.PolicyRow(r.Ctx, "card", card); err != nil {
		return err
	}
	if d := r.Decide(in); !d.Allow {
		return denied(d)
	}
	return nil
}

// previewImport answers with what an import would change. It reports whether a plan keeps the
// file.
func (r *exchange) previewImport(run *importRun) (owned bool, err error) {
	var report *importBody
	sent := r.sent()
	err = r.s.store.ReadLong(r.Ctx, r.Facts.Account.TenantID, func(tx *store.Tx) error {
		w := &writing{r: &r.inquiry, tx: tx, sent: sent}
		if err := w.reload(); err != nil {
			return err
		}
		_, report, err = w.importFile(run)
		return err
	})
	if err != nil {
		return false, err
	}
	if run.plan == nil {
		owned = r.offerPlan(run, report)
	} else {
		report.PlanUntil = &run.plan.until
	}
	body, err := json.Marshal(report)
	if err != nil {
		return owned, err
	}
	return owned, r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// applyImport makes the drafts.
func (w *writing) applyImport(run *importRun) (target, error) {
	t := target{action: "update", typ: "card", id: run.card, status: fiber.StatusOK}
	before, report, err := w.importFile(run)
	if err := w.checkIfMatch("card", before.json, err); err != nil {
		return t, err
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, "card", run.card); err != nil {
		return t, err
	}
	text, err := json.Marshal(report)
	if err != nil {
		return t, err
	}
	t.sub = string(text)
	return t, w.audit(t, nil, map[string]any{"revision": importedChange{report.Mode, report.Base, report.Revisions}})
}

// importedChange is the audit entry of an import. It stands under the card's
// revision column.
type importedChange struct {
	Mode      string         `json:"mode"`
	Base      string         `json:"base,omitempty"`
	Revisions []importedBody `json:"imported"`
}

func refusedLines(b *cardfile.Report) string {
	first := b.Refusals[0]
	what := "1 line is refused. It is"
	if n := b.Lines.Refused; n != 1 {
		what = fmt.Sprintf("%d lines are refused. The first is", n)
	}
	return fmt.Sprintf("is needed because %s %s: %s %s. Correct the file, or apply without refused lines with skip_refused=true",
		what, first.Place, first.Column, first.Reason)
}

// answerImport answers with the stored report of the import. The report may
// compare with the card's rates, so it decides again first: the user who repeats
// a request may have lost access to them.
func answerImport(w *writing, t target) (written, error) {
	var report struct{ Revisions []importedBody }
	if err := json.Unmarshal([]byte(t.sub), &report); err != nil {
		return written{}, fmt.Errorf("report: %w", err)
	}
	if slices.ContainsFunc(report.Revisions, func(b importedBody) bool { return b.RateChanges != nil }) {
		if err := w.rates().Reads(w.r.Ctx, t.id); err != nil {
			return written{}, err
		}
	}
	return written{status: fiber.StatusOK, typ: "import", body: []byte(t.sub)}, nil
}

// importFile reads the file into drafts. It returns the card as it was before,
// and the report.
func (w *writing) importFile(run *importRun) (seen, *importBody, error) {
	before, err := w.see("card", run.card)
	if err == nil {
		err = w.may("update", "card", run.card, nil)
	}
	if err != nil {
		return before, nil, err
	}
	order := run.order
	if order.plan != "" && run.plan == nil {
		return before, nil, invalid("plan", "is not known: a plan is kept for an hour. Preview the file again")
	}
	if err := w.useProfile(run); err != nil {
		return before, nil, err
	}
	known, err := w.knownCards(run.card)
	if err != nil {
		return before, nil, err
	}
	confirmed, err := order.confirmedRows()
	if err != nil {
		return before, nil, err
	}
	base := ""
	drafts, err := w.tx.Import(w.r.Ctx, w.rates(), store.Import{
		Card: run.card, Base: order.base, Preview: !order.apply,
		Read: func(ctx context.Context, card store.Card, now time.Time, to *store.Importer) error {
			return run.withMode(run.read(ctx, card, now, to), base)
		},
		Compared: &base, On: run.profile.on(),
		Known: known, Compare: func(c store.Compared) { run.known = c }, RowTimes: run.limits().RowTimes(), Confirm: confirmed,
		Opens: order.confirmedOpen(),
		Refuse: func(line uint32, column, reason string) error {
			return fileProblem(run.report.Refuse(line, column, reason))
		},
	})
	if err != nil {
		return before, nil, run.unlikePlan(err)
	}
	if err := run.mayApply(); err != nil { // the card may have refused more lines than the reading
		return before, nil, err
	}
	if order.apply && order.schedule && slices.ContainsFunc(drafts, func(d store.Imported) bool { return d.At != 0 }) {
		if err := w.mayPutInForce(run.card, w.r.Subject.User.ID); err != nil {
			return before, nil, err
		}
	}
	if err := run.doubts(drafts); err != nil {
		return before, nil, run.unlikePlan(err)
	}
	body := &importBody{Mode: order.mode, Base: order.base, Profile: order.profile, Applied: order.apply, Report: *run.report, Revisions: []importedBody{}}
	for i := range drafts {
		if order.apply {
			if err := w.scheduleDraft(drafts, i, order); err != nil {
				return before, nil, err
			}
		}
		body.Revisions = append(body.Revisions, importedOf(drafts[i], order.apply))
	}
	plan, err := run.planID(base, body)
	if err == nil && run.plan != nil && plan != run.plan.id {
		err = changedPlan()
	}
	if !order.apply {
		body.Plan = plan
	} else if err == nil && run.profile != nil {
		err = w.keepLearnt(run.profile)
	}
	return before, body, err
}

// read reads the file.
func (run *importRun) read(ctx context.Context, card store.Card, now time.Time, to *store.Importer) (err error) {
	o := run.order.options
	o.Currency, o.Direction, o.Now, o.Amend = card.Currency, card.Direction, now, run.order.mode == modeAmend
	f := cardfile.File{ReaderAt: run.upload.file, Size: run.upload.file.size, Name: run.order.name, MediaType: run.upload.mediaType}
	run.sample = supplier.Sample{}
	if run.profile != nil {
		if o, err = run.profile.resolved(ctx, f, &run.order, o); err != nil {
			return fileProblem(err)
		}
	}
	run.report, err = cardfile.Read(ctx, f, o, func(row cardfile.Row) error {
		run.sample.Add(&row)
		return to.Put(schema.MicrosOf(row.From), changeOf(&row))
	})
	if err == nil && run.profile != nil {
		err = run.profile.learn(run.report, run.sample.Typical(), run.order.confirm)
	}
	if err != nil {
		return fileProblem(err)
	}
	if err := run.mayApply(); err != nil {
		return err
	}
	to.Sample(run.sampled())
	for _, fix := range run.report.Fixes {
		var stands *store.RateGiven
		if fix.Row != nil {
			change := changeOf(fix.Row)
			stands = &change
		}
		if err := to.Replace(schema.MicrosOf(fix.From), fix.Prefix.String(), stands); err != nil {
			return err
		}
	}
	return nil
}

// mayApply refuses to apply a file without rates, and one with refused lines unless the order skips them.
func (run *importRun) mayApply() error {
	switch {
	case !run.order.apply:
	case run.report.Blocking > 0:
		return run.refuse("skip_refused", fmt.Sprintf("cannot leave out %d of the refused lines, which block their prefixes: correct the file", run.report.Blocking))
	case run.report.Lines.Refused > 0 && !run.order.skipRefused:
		return run.refuse("skip_refused", refusedLines(run.report))
	case run.report.Rates == 0 && run.report.Removals == 0:
		return run.refuse("", "the file has no rates")
	}
	return nil
}

// refuse returns the refusal of a file that was read, with its mapping.
func (run *importRun) refuse(field, text string) error {
	p := *problemOf(invalid(field, text))
	p.mapping = run.report.Mapping
	return &p
}

// withMode adds the question for the mode or the base, if one is missing, to those of the file. active is the revision
// that an amendment would change, "" if it is unknown.
func (run *importRun) withMode(err error, active string) error {
	q, missing := run.order.missing(active)
	var p *problem
	switch {
	case !missing, err != nil && !(errors.As(err, &p) && len(p.questions) > 0):
		return err
	case err == nil:
		p = &problem{mapping: run.report.Mapping}
	}
	all := *problemOf(fileProblem(cardfile.Open(append([]cardfile.Question{q}, p.questions...), p.mapping)))
	all.field = q.Code
	return &all
}

// missing asks for the mode, or for the base of an amendment.
func (o *importOrder) missing(active string) (q cardfile.Question, is bool) {
	switch {
	case o.mode == "":
		q = cardfile.Question{Code: "mode", Text: "mode is missing: use replace if the file holds the whole card, or amend if other rates stay", Choices: []cardfile.Choice{
			{Parameter: "mode", Value: modeReplace, Effect: "rates that the file lacks are removed"}, {Parameter: "mode", Value: modeAmend, Effect: "rates that the file lacks stay"}}}
		if active != "" {
			q.Text += " in a base; the active revision is " + active
		}
		return q, true
	case o.mode == modeAmend && o.base == "":
		q = cardfile.Question{Code: "base", Text: "base is missing: an amendment needs the active revision that it was made for, or a scheduled one"}
		if active != "" {
			q.Choices = []cardfile.Choice{{Parameter: "base", Value: active, Effect: "the file amends the rates in force"}}
		}
		return q, true
	}
	return q, false
}

// givenColumns are the columns of rates by their order in cardfile.GivenColumns.
var givenColumns = store.RateColumns(cardfile.GivenColumns)

// changeOf returns a row as a rate that gives some columns.
func changeOf(row *cardfile.Row) store.RateGiven {
	g := store.RateGiven{Rate: store.RateOf(row.Row, row.Name), Removed: row.Removed, Line: row.Line}
	for i, column := range givenColumns {
		if row.Given.Has(i) {
			g.Given |= 1 << column
		}
	}
	return g
}

// fileProblem describes the fault in a file, and names the parameter that would
// help.
func fileProblem(err error) error {
	var bad *cardfile.FileError
	if errors.As(err, &bad) {
		return &problem{kind: kindInvalid, field: bad.Option, detail: fault.Sentence("", bad.Error()), cause: err,
			questions: bad.Questions, mapping: bad.Mapping}
	}
	return err
}

// scheduleDraft gives a draft its later date. It schedules the draft if the order says so,
// which needs the right to activate. For an amendment, it also sets the draft's base: the revision in
// force before it.
func (w *writing) scheduleDraft(drafts []store.Imported, i int, order importOrder) error {
	d := &drafts[i]
	maker := w.r.Subject.User.ID
	if err := w.tx.SetMaker(w.r.Ctx, d.Revision.ID, maker); err != nil {
		return err
	}
	if d.At != 0 && !order.schedule {
		if err := w.tx.PlanRevision(w.r.Ctx, &d.Revision, d.At); err != nil {
			return err
		}
	}
	if d.At != 0 && order.schedule {
		if err := w.mayPutInForce(d.Revision.CardID, maker); err != nil {
			return err
		}
		r, err := w.tx.ScheduleRevision(w.r.Ctx, w.rates(), d.Revision.CardID, d.Revision.ID, store.Schedule{
			At: d.At, UserID: w.r.Subject.User.ID, ClientAddr: w.r.Caller.ClientIP})
		if err != nil {
			return err
		}
		r.Rows, d.Revision = d.Revision.Rows, r
	}
	if order.mode != modeAmend {
		return nil
	}
	base := order.base
	if i > 0 {
		base = drafts[i-1].Revision.ID
	}
	return w.tx.SetBase(w.r.Ctx, d, base)
}

func importedOf(d store.Imported, applied bool) importedBody {
	b := importedBody{Rows: d.Revision.Rows}
	if d.Changes != nil {
		b.RateChanges = &RateChanges{
			Created: d.Changes.Created, Up: d.Changes.Up, Down: d.Changes.Down,
			Changed: d.Changes.Changed, Removed: d.Changes.Removed, Unchanged: d.Changes.Unchanged,
		}
	}
	b.Rises, b.Falls, b.LongerTotal = movesOf(d.Rises), movesOf(d.Falls), d.Longers
	for _, l := range d.Longer {
		b.Longer = append(b.Longer, longerBody(l))
	}
	if applied {
		b.ID, b.Status = d.Revision.ID, d.Revision.Status
	}
	if d.At != 0 {
		at := d.At.Time()
		b.LiveAt = &at
	}
	return b
}
