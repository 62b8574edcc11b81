package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/fair"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/coop"
	"resellerd/store/fault"
)

// The limits of a bulk request.
const (
	maxBulk   = maxList // rows of a request
	maxAtomic = 100     // rows of a request that is done whole or not at all, or only tried
	maxChunk  = 25      // rows of a transaction otherwise
	// chunkTime is how long a transaction holds its lock before it takes no more rows.
	chunkTime = 20 * time.Millisecond
)

type bulkQuery struct {
	Atomic bool `query:"atomic" description:"all rows or none; at most 100 rows"`
	DryRun bool `query:"dry_run" description:"answer each row as the write would, and write nothing; at most 100 rows"`
}

// bulkNew is the body of a bulk request.
type bulkNew[T any] struct {
	Items []T `json:"items" required:"true" minItems:"1" maxItems:"1000" description:"1 to 1000 rows, each as the request for one row takes it"`
}

// bulkBody is the answer to a bulk request.
type bulkBody[T any] struct {
	Items []bulkRow[T] `json:"items" required:"true" description:"one for each row of the request, in its order"`
}

// bulkRow is the answer to one row.
type bulkRow[T any] struct {
	Status  int          `json:"status" required:"true" description:"the status that the request for this row alone would get"`
	ID      string       `json:"id,omitempty" description:"of the row that was made or changed"`
	ETag    string       `json:"etag,omitempty"`
	Row     *T           `json:"row,omitempty" description:"the row as the user sees it"`
	Problem *problemBody `json:"problem,omitempty" description:"why the row was refused; pointers begin at the row"`
}

type customerUpdate struct {
	ID string `json:"id" required:"true"`
	customerChange
}

type userUpdate struct {
	ID string `json:"id" required:"true"`
	userFields
}

// bulkWriter writes one row of a bulk request. The request for that row alone has this
// method and path.
type bulkWriter struct {
	method, path string
	write        func(w *writing) (target, error)
	answer       func(*writing, target) (written, error) // to a row that was written
	givesAccess  bool                                    // a row may change what the acting user may do
}

var (
	bulkNewCustomers = bulkWriter{fiber.MethodPost, "/v1/customers", (*writing).createCustomer, answerRow, false}
	bulkCustomers    = bulkWriter{fiber.MethodPatch, "/v1/customers/:id", updateSent(customerWriter), answerRow, false}
	bulkNewUsers     = bulkWriter{fiber.MethodPost, "/v1/users", (*writing).createSentUser, answerRow, true}
	bulkUsers        = bulkWriter{fiber.MethodPatch, "/v1/users/:id", updateSent(userWriter), answerRow, true}
)

// updateSent updates the row whose id the body has.
func updateSent(n rowWriter) func(w *writing) (target, error) {
	return func(w *writing) (target, error) {
		id, named := w.sent.object["id"].(string)
		if !named {
			f := fieldsOf(w.sent.object)
			f.refuse("id", "is missing or no text")
			return target{}, f.faults.err()
		}
		return w.updateRow(n, id)
	}
}

// bulkRun is one bulk request. Its rows are decided and written one after the other.
type bulkRun struct {
	r      *exchange
	writer bulkWriter
	rows   []map[string]any
	atomic bool
	dry    bool
	sent   *sent
	key    *repeatKey // nil without the header
	place  *fair.Place
	done   []bulkDone // of the rows so far
	kept   bool       // the key is stored for the whole request
}

// bulkDone is what became of one row: it is written, or refused.
type bulkDone struct {
	id      string
	written written
	err     error
}

// bulkOf answers a bulk request.
func bulkOf(writer bulkWriter) func(*exchange) error {
	return func(r *exchange) error {
		b, err := r.readBulk(writer)
		if err != nil {
			return err
		}
		leave, err := b.queue()
		if err != nil {
			return err
		}
		defer leave()
		switch {
		case b.dry:
			err = b.rehearse()
		case b.atomic:
			err = b.whole()
		default:
			err = b.chunks()
		}
		if err != nil {
			return r.explained(err)
		}
		return b.answer()
	}
}

func (r *exchange) readBulk(writer bulkWriter) (b *bulkRun, err error) {
	if r.Viewer != nil {
		return nil, forbidden("a preview cannot write")
	}
	b = &bulkRun{r: r, writer: writer, sent: r.sent()}
	if len(b.sent.ifMatch) > 0 {
		return nil, &problem{kind: kindInvalid, detail: "If-Match is the tag of one row: give each row of a bulk request its own `etag` instead."}
	}
	if b.atomic, err = r.flag("atomic"); err != nil {
		return nil, err
	}
	if b.dry, err = r.isDryRun(); err != nil {
		return nil, err
	}
	if b.key, err = r.repeatKey(); err != nil {
		return nil, err
	}
	if b.sent.is(mediaMergePatch) {
		return nil, &problem{kind: kindMediaType, detail: "The content type of a bulk request must be application/json."}
	}
	f, err := b.sent.fields(anyField)
	if err != nil {
		return nil, err
	}
	b.rows = f.rows("items", b.most())
	return b, f.err()
}

// most is the greatest number of rows of the request.
func (b *bulkRun) most() int {
	if b.atomic || b.dry {
		return maxAtomic
	}
	return maxBulk
}

// rows reads a list of 1 to most objects, and leaves the objects to others.
func (f *fields) rows(name string, most int) []map[string]any {
	value, _ := f.value(name)
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > most {
		f.refuse(name, fmt.Sprintf("must be a list of 1 to %d objects", most))
		return nil
	}
	rows := make([]map[string]any, len(list))
	for i, one := range list {
		if rows[i], ok = one.(map[string]any); !ok {
			fault := f.fault(name, "must be a list of objects")
			fault.pointer = fmt.Sprintf("%s/%d", fault.pointer, i)
			f.faults.add(fault)
		}
	}
	return rows
}

// queue makes the transactions of the request wait in one place of the tenant's queue, so
// that the rows count against the account's turns.
func (b *bulkRun) queue() (leave func(), err error) {
	queue := b.r.s.limiter.writes.tenant(b.r.Facts.Account.TenantID)
	if b.place, err = queue.Enter(b.r.Ctx, b.r.payer()); err != nil {
		return nil, busy(err)
	}
	b.place.Pause()
	b.r.Ctx = coop.Queue(b.r.Ctx, func(ctx context.Context) (func(), error) {
		if err := b.place.Resume(ctx); err != nil {
			return nil, busy(err)
		}
		return b.place.Pause, nil
	})
	return b.place.Leave, nil
}

// chunks writes the rows in transactions of a few rows each. If a transaction fails after
// others were committed, its rows and the rest are answered with that failure.
func (b *bulkRun) chunks() error {
	for len(b.done) < len(b.rows) {
		if err := coop.Yield(b.r.Ctx); err != nil {
			return b.cut(err)
		}
		var done []bulkDone
		kept := b.kept
		err := b.r.s.store.WriteLong(b.r.Ctx, b.r.Facts.Account.TenantID, func(tx *store.Tx) (err error) {
			kept = b.kept
			done, err = b.chunk(tx, &kept)
			return err
		})
		if err != nil {
			return b.cut(err)
		}
		b.place.Charge(len(done))
		b.kept = kept
		b.done = append(b.done, done...)
	}
	return nil
}

// cut answers the rows that are left with a failure. Without rows that are done, the
// whole request fails.
func (b *bulkRun) cut(err error) error {
	if len(b.done) == 0 || b.r.Ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err
	}
	for len(b.done) < len(b.rows) {
		b.done = append(b.done, bulkDone{err: err})
	}
	return nil
}

// chunk writes the next rows, until the transaction has enough of them or has held its
// lock for long. A row that needs long work begins a transaction.
func (b *bulkRun) chunk(tx *store.Tx, kept *bool) (done []bulkDone, err error) {
	start := time.Now()
	if err := b.claimed(tx, kept); err != nil {
		return nil, err
	}
	w := &writing{r: &b.r.inquiry, tx: tx}
	if err := w.reload(); err != nil {
		return nil, err
	}
	for n := len(b.done); n < len(b.rows) && len(done) < maxChunk && (len(done) == 0 || time.Since(start) < chunkTime); n++ {
		one, err := b.row(w, n)
		if store.NeedsWork(err) && len(done) > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		done = append(done, one)
	}
	return done, b.claim(tx, done, kept)
}

// whole writes all rows or none.
func (b *bulkRun) whole() error {
	var done []bulkDone
	err := b.r.s.store.WriteLong(b.r.Ctx, b.r.Facts.Account.TenantID, func(tx *store.Tx) (err error) {
		kept := false
		if err := b.claimed(tx, &kept); err != nil {
			return err
		}
		if done, err = b.all(tx); err != nil {
			return err
		}
		return b.claim(tx, done, &kept)
	})
	b.place.Charge(len(b.rows))
	b.done = done
	return b.orRefused(err)
}

// errRefused ends the transaction of a request whose rows are all done or none.
var errRefused = errors.New("a row is refused")

// orRefused returns the refusal in the place of errRefused.
func (b *bulkRun) orRefused(err error) error {
	if errors.Is(err, errRefused) {
		return b.refused()
	}
	return err
}

func (b *bulkRun) all(tx *store.Tx) (done []bulkDone, err error) {
	w := &writing{r: &b.r.inquiry, tx: tx}
	if err := w.reload(); err != nil {
		return nil, err
	}
	for n := range b.rows {
		one, err := b.row(w, n)
		if err != nil {
			return nil, err
		}
		done = append(done, one)
	}
	if b.atomic && slices.ContainsFunc(done, func(one bulkDone) bool { return one.err != nil }) {
		return done, errRefused
	}
	return done, nil
}

// rehearse answers what the rows would be answered, and writes nothing.
func (b *bulkRun) rehearse() error {
	nothing := func(*store.Moment) error { return nil }
	b.key = nil
	var done []bulkDone
	err := b.r.s.store.Rehearse(b.r.Ctx, b.r.Facts.Account.TenantID, func(tx *store.Tx) (err error) {
		done, err = b.all(tx)
		return err
	}, nothing, nothing)
	b.place.Charge(len(b.rows))
	b.done = done
	return b.orRefused(err)
}

// refused returns the refusal of a request whose rows are all done or none: the faults of
// the class that is checked first, of all rows.
func (b *bulkRun) refused() error {
	var first *problem
	for n, one := range b.done {
		if one.err == nil {
			continue
		}
		p := problemOf(b.r.explained(one.err))
		if first == nil || precedes(p.kind.status, first.kind.status) {
			copied := *p
			first, copied.errors = &copied, nil
		}
		if p.kind == first.kind {
			first.errors = append(first.errors, inRow(n, p.errors)...)
		}
	}
	first.errors = first.errors[:min(len(first.errors), maxFaults)]
	return first
}

// inRow are the faults of a row as those of the request; without any, the row itself is
// one.
func inRow(n int, faults []bodyFault) (all []bodyFault) {
	at, field := fmt.Sprintf("/items/%d", n), fmt.Sprintf("items[%d]", n)
	for _, one := range faults {
		all = append(all, bodyFault{pointer: at + one.pointer, field: field + "." + one.field, text: one.text})
	}
	if all == nil {
		all = []bodyFault{{pointer: at, field: field, text: "is refused"}}
	}
	return all
}

// precedes reports whether a refusal with status a is checked before one with status b.
func precedes(a, b int) bool {
	order := map[int]int{fiber.StatusNotFound: 1, fiber.StatusForbidden: 2, fiber.StatusUnprocessableEntity: 3, fiber.StatusPreconditionFailed: 4}
	rank := func(status int) int {
		if n, known := order[status]; known {
			return n
		}
		return len(order) + 1
	}
	return rank(a) < rank(b)
}

// row decides and writes one row, as the request for this row alone. A refused row
// changes nothing. row returns an error if the transaction must end.
func (b *bulkRun) row(w *writing, n int) (one bulkDone, err error) {
	if n > len(b.done) && b.writer.givesAccess {
		if err := w.reload(); err != nil {
			one.err = err
			return one, fatal(err)
		}
	}
	sent := *b.sent
	sent.object, sent.ifMatch = maps.Clone(b.rows[n]), nil
	w.sent, w.key, w.access, w.anew = &sent, b.keyOf(n), nil, nil
	failed := w.tx.Part(b.r.Ctx, func() error {
		done, repeated, err := w.repeated()
		if err == nil && !repeated {
			done, err = w.first(b.writer.write)
		}
		if err == nil {
			one.id = done.id
			one.written, err = b.writer.answer(w, done)
		}
		return err
	})
	if failed != nil {
		return bulkDone{err: failed}, fatal(failed)
	}
	return one, nil
}

// fatal returns the errors that end a transaction: those that are no answer to a row.
func fatal(err error) error {
	var part *store.PartError
	if errors.As(err, &part) || store.NeedsWork(err) || problemOf(err).kind.status >= fiber.StatusInternalServerError {
		return err
	}
	return nil
}

// keyOf is the idempotency key of a row.
func (b *bulkRun) keyOf(n int) *repeatKey {
	if b.key == nil {
		return nil
	}
	of := *b.key
	of.Key += fmt.Sprintf("\x00%d", n)
	return &of
}

// claimed refuses a key that was used for another request.
func (b *bulkRun) claimed(tx *store.Tx, kept *bool) error {
	if b.key == nil || *kept {
		return nil
	}
	_, err := tx.Answer(b.r.Ctx, b.key.IdempotencyKey, b.key.request)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return nil
	case errors.Is(err, fault.ErrInvalid):
		return invalid(headerIdempotency, "was already used for another request")
	}
	*kept = err == nil
	return err
}

// claim keeps the key for the request if a row was written.
func (b *bulkRun) claim(tx *store.Tx, done []bulkDone, kept *bool) error {
	if b.key == nil || *kept {
		return nil
	}
	for _, one := range done {
		if one.err == nil {
			*kept = true
			return tx.KeepAnswer(b.r.Ctx, b.key.IdempotencyKey, b.key.request, store.Answer{Status: fiber.StatusOK})
		}
	}
	return nil
}

// answer answers each row in the order of the request.
func (b *bulkRun) answer() error {
	takes := b.r.s.takenBy(b.writer.method, b.writer.path)
	body := bulkBody[json.RawMessage]{Items: make([]bulkRow[json.RawMessage], len(b.done))}
	for i, one := range b.done {
		if one.err != nil {
			p := problemOf(b.r.explained(one.err))
			if p.kind == kindUnknownUser {
				b.r.RecordRefusal(session.TrueReason(p.cause))
			}
			document := p.document(b.r.DecisionID, takes)
			body.Items[i] = bulkRow[json.RawMessage]{Status: document.Status, Problem: &document}
			continue
		}
		row := json.RawMessage(one.written.whole())
		body.Items[i] = bulkRow[json.RawMessage]{Status: one.written.status, ID: one.id, ETag: b.r.s.etag(one.written.typ, one.written.body), Row: &row}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return b.r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, text)
}
