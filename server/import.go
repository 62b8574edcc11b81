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
	Applied bool   `json:"applied"`
	cardfile.Report
	Revisions []importedBody `json:"revisions" nullable:"false" description:"one for now and one for each later date, each compared with what is in force before it"`
}

type importedBody struct {
	ID     string     `json:"id,omitempty" description:"the new revision, if the file was applied"`
	Status string     `json:"status,omitempty"`
	LiveAt *time.Time `json:"live_at,omitempty"`
	Rows   int64      `json:"rows"`
	*RateChanges
}

// RateChanges counts the changes against the prefixes that were in force.
type RateChanges struct {
	Created   int64 `json:"created"`
	Up        int64 `json:"up"`
	Down      int64 `json:"down"`
	Changed   int64 `json:"changed" description:"another name or status, or dearer and cheaper in parts"`
	Removed   int64 `json:"removed"`
	Unchanged int64 `json:"unchanged"`
}

// postImport imports a file into new drafts of a card, or previews the import.
// It receives the whole file before it waits for its turn, so that nobody waits
// for a slow sender. Then it does everything in one transaction. A preview rolls
// the transaction back.
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
	if order.mode == modeAmend {
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
	defer r.file.Close()
	turn, err := r.turn(r.Ctx)
	if err != nil {
		return err
	}
	defer turn.Leave()
	defer r.s.limiter.saving.during()()
	if !order.apply {
		return r.previewImport(card, order)
	}
	return r.write(func(w *writing) (target, error) { return w.applyImport(card, order) }, answerImport)
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

// errPreviewed rolls back what a preview has written.
var errPreviewed = errors.New("only a preview")

func (r *exchange) previewImport(card string, order importOrder) error {
	var body []byte
	sent := r.sent()
	err := r.s.store.Write(r.Ctx, r.Facts.Account.TenantID, func(tx *store.Tx) error {
		w := &writing{r: &r.inquiry, tx: tx, sent: sent}
		if err := w.reload(); err != nil {
			return err
		}
		_, report, err := w.importFile(card, order)
		if err == nil {
			body, err = json.Marshal(report)
		}
		return errors.Join(err, errPreviewed)
	})
	if err != nil && body == nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// applyImport keeps the drafts. It refuses a file with refused lines unless the
// order skips them.
func (w *writing) applyImport(card string, order importOrder) (target, error) {
	t := target{action: "update", typ: "card", id: card, status: fiber.StatusOK}
	before, report, err := w.importFile(card, order)
	switch {
	case err != nil:
		return t, w.checkIfMatch("card", before.json, err)
	case report.Lines.Refused > 0 && !order.skipRefused:
		return t, invalid("skip_refused", refusedLines(report))
	case report.Rates == 0:
		return t, invalid("", "the file has no rates")
	}
	if err := w.checkIfMatch("card", before.json, nil); err != nil {
		return t, err
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, "card", card); err != nil {
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

func refusedLines(b *importBody) string {
	first := b.Refusals[0]
	return fmt.Sprintf("is needed because %d lines are refused. The first is %s: %s %s. Correct the file, or apply without these lines with skip_refused=true",
		b.Lines.Refused, first.Place, first.Column, first.Reason)
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
func (w *writing) importFile(id string, order importOrder) (seen, *importBody, error) {
	before, err := w.see("card", id)
	if err == nil {
		err = w.may("update", "card", id, nil)
	}
	if err != nil {
		return before, nil, err
	}
	card, err := w.tx.Card(w.r.Ctx, id)
	if err != nil {
		return before, nil, err
	}
	importer, err := w.tx.NewImporter(w.r.Ctx, w.rates(), id, order.base)
	if err != nil {
		return before, nil, err
	}
	defer importer.Stop()
	report, err := w.readFile(importer, card, order)
	if err != nil {
		return before, nil, err
	}
	drafts, err := importer.Finish(w.r.Ctx)
	if err != nil {
		return before, nil, err
	}
	body := &importBody{Mode: order.mode, Base: order.base, Applied: order.apply, Report: *report, Revisions: []importedBody{}}
	for i := range drafts {
		if order.apply {
			if err := w.scheduleDraft(importer, drafts, i, order); err != nil {
				return before, nil, err
			}
		}
		body.Revisions = append(body.Revisions, importedOf(drafts[i], order.apply))
	}
	return before, body, nil
}

func (w *writing) readFile(importer *store.Importer, card store.Card, order importOrder) (*cardfile.Report, error) {
	o := order.options
	o.Currency, o.Now, o.Work = card.Currency, w.tx.Now().Time(), w.r.s.cfg.Limits.ImportWork
	f := cardfile.File{ReaderAt: w.sent.file, Size: w.sent.file.size, Name: order.name, MediaType: w.sent.mediaType}
	report, err := cardfile.Read(w.r.Ctx, f, o, func(row cardfile.Row) error {
		return importer.Add(w.r.Ctx, schema.MicrosOf(row.From), store.RateOf(row.Row, row.Name))
	})
	if err != nil {
		return nil, fileProblem(err)
	}
	for _, fix := range report.Fixes {
		var stands *store.Rate
		if fix.Row != nil {
			rate := store.RateOf(fix.Row.Row, fix.Row.Name)
			stands = &rate
		}
		if err := importer.Replace(w.r.Ctx, schema.MicrosOf(fix.From), fix.Prefix.String(), stands); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// fileProblem describes the fault in a file, and names the parameter that would
// help.
func fileProblem(err error) error {
	var bad *cardfile.FileError
	if errors.As(err, &bad) {
		return &problem{kind: kindInvalid, field: bad.Option, detail: fault.Sentence("", bad.Error()), cause: err}
	}
	return err
}

// scheduleDraft schedules a draft that has a later date. That needs the right to
// activate. For an amendment, it also sets the draft's base: the revision in
// force before it.
func (w *writing) scheduleDraft(importer *store.Importer, drafts []store.Imported, i int, order importOrder) error {
	d := &drafts[i]
	if d.At != 0 {
		if err := w.may("activate", "card", d.Revision.CardID, nil); err != nil {
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
	return importer.Base(w.r.Ctx, d, base)
}

func importedOf(d store.Imported, applied bool) importedBody {
	b := importedBody{Rows: d.Revision.Rows}
	if d.Changes != nil {
		b.RateChanges = &RateChanges{
			Created: d.Changes.Created, Up: d.Changes.Up, Down: d.Changes.Down,
			Changed: d.Changes.Changed, Removed: d.Changes.Removed, Unchanged: d.Changes.Unchanged,
		}
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
