package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// Importer writes the rates of one import into new drafts of a card. One draft
// holds the rates that are in force now. For each later moment, another draft holds
// all rates that are in force then. The Importer writes rows while the caller adds
// the next. It belongs to its transaction. Nothing else may use the transaction
// until Finish or Stop. After an error, call Stop and roll back.
type Importer struct {
	tx     *Tx
	card   string
	base   Revision // the active revision to compare with and to amend; zero for none
	amends bool
	blind  bool // the card's rates may be neither read nor compared
	drafts map[schema.Micros]*Imported
	batch  []importRow
	under  *bulkWrite // nil while no write is running
}

type importRow struct {
	draft *Imported
	rate  Rate
}

// Imported is an imported draft, and its differences from the rates in force before
// it.
type Imported struct {
	Revision Revision
	At       schema.Micros // the moment from which it is to be in force; 0 for now
	Changes  *DiffSum      // nil if the card's rates may not be read
}

// importBatch is how many rows are passed to the writer at a time.
const importBatch = 1_000

// NewImporter begins an import into a card of the tenant. With a base, the import
// is an amendment: rates of the base that the import does not give stay as they
// are. A writer who may not read the card's rates can still replace them. Then the
// Importer compares nothing.
//
// It returns ErrNotFound if the card is absent, and ErrRatesHidden for an amendment
// of rates that may not be read. It returns ErrConflict, with ReasonBaseChanged, if
// the base is not the card's active revision.
func (tx *Tx) NewImporter(ctx context.Context, rates RateAccess, card, base string) (*Importer, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return nil, err
	}
	hidden := rates.Reads(ctx, card)
	if hidden != nil && (base != "" || !errors.Is(hidden, ErrRatesHidden)) {
		return nil, hidden
	}
	active, err := tx.activeRevision(ctx, card)
	if err == nil && base != "" && base != active.ID {
		err = refused(ReasonBaseChanged, "base", "is not the active revision")
	}
	if err != nil {
		return nil, fmt.Errorf("card %s: %w", card, err)
	}
	return &Importer{tx: tx, card: card, base: active, amends: base != "", blind: hidden != nil, drafts: map[schema.Micros]*Imported{}}, nil
}

// Add takes a rate that is in force from the moment at, 0 for now. It returns
// ErrInvalid for a malformed rate.
func (i *Importer) Add(ctx context.Context, at schema.Micros, rate Rate) error {
	if err := rate.Validate(); err != nil {
		return fmt.Errorf("rate %q: %w", rate.Prefix, err)
	}
	draft, err := i.draft(ctx, at)
	if err != nil {
		return err
	}
	i.batch = append(i.batch, importRow{draft, rate})
	if len(i.batch) < importBatch {
		return nil
	}
	return i.flush(ctx)
}

// draft returns the draft of a moment, and creates it if necessary.
func (i *Importer) draft(ctx context.Context, at schema.Micros) (*Imported, error) {
	if d, there := i.drafts[at]; there {
		return d, nil
	}
	if err := i.awaitWritten(ctx); err != nil {
		return nil, err
	}
	d := &Imported{At: at, Revision: Revision{
		ID: i.tx.store.newID("revision"), CardID: i.card, Status: RevisionDraft, Origin: OriginImport, CreatedAt: i.tx.now,
	}}
	_, err := i.tx.execNamed(ctx, revisionsTable.insert, d.Revision)
	if err != nil {
		return nil, fmt.Errorf("revision of card %s: %w", i.card, err)
	}
	i.drafts[at] = d
	return d, nil
}

// bulkWrite writes batches in a separate goroutine, until the channel of batches is
// closed.
type bulkWrite struct {
	batches chan []importRow
	free    chan []importRow // written batches, for reuse
	done    chan struct{}
	err     error // valid after done is closed
}

func (i *Importer) beginWrite(ctx context.Context) *bulkWrite {
	w := &bulkWrite{batches: make(chan []importRow), free: make(chan []importRow, 2), done: make(chan struct{})}
	i.tx.changed = true
	go func() {
		defer close(w.done)
		w.err = w.run(ctx, i.tx)
	}()
	return w
}

func (w *bulkWrite) run(ctx context.Context, tx *Tx) error {
	var batch, left []importRow
	columns, values := make([]any, 0, len(rateColumns)), schema.NewRateValues()
	_, err := tx.store.dialect.BulkInsert(ctx, tx.tx, "rates", rateColumns, func() ([]any, error) {
		if len(left) == 0 {
			w.giveBack(batch)
			var more bool
			if batch, more = <-w.batches; !more {
				return nil, nil
			}
			left = batch
		}
		row := &left[0]
		left = left[1:]
		return values.Append(append(columns, row.draft.Revision.ID), &row.rate), nil
	})
	return err
}

func (w *bulkWrite) giveBack(batch []importRow) {
	select {
	case w.free <- batch[:0]:
	default:
	}
}

// flush passes the batch to the writer.
func (i *Importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	if i.under == nil {
		i.under = i.beginWrite(ctx)
	}
	select {
	case i.under.batches <- i.batch:
	case <-i.under.done:
		return i.awaitWritten(ctx)
	}
	select {
	case i.batch = <-i.under.free:
	default:
		i.batch = make([]importRow, 0, importBatch)
	}
	return nil
}

// awaitWritten waits until everything that was passed to the writer is written.
func (i *Importer) awaitWritten(ctx context.Context) error {
	if i.under == nil {
		return nil
	}
	done := i.under
	i.Stop()
	return i.tx.refused(ctx, done.err)
}

// flushed writes everything that was added.
func (i *Importer) flushed(ctx context.Context) error {
	if err := i.flush(ctx); err != nil {
		return err
	}
	return i.awaitWritten(ctx)
}

// Stop ends an import that is abandoned before Finish. When Stop has returned, no
// write is running. After Finish it does nothing.
func (i *Importer) Stop() {
	if i.under != nil {
		close(i.under.batches)
		<-i.under.done
		i.under = nil
	}
}

// Replace replaces the rate that was added for a prefix and a moment. A nil rate
// removes it.
func (i *Importer) Replace(ctx context.Context, at schema.Micros, prefix string, rate *Rate) error {
	if err := i.flushed(ctx); err != nil {
		return err
	}
	draft, err := i.draft(ctx, at)
	if err != nil {
		return err
	}
	if _, err := i.tx.exec(ctx, "DELETE FROM rates WHERE revision_id = ? AND prefix = ?", draft.Revision.ID, prefix); err != nil || rate == nil {
		return err
	}
	i.batch = append(i.batch, importRow{draft, *rate})
	return nil
}

// Finish completes the drafts, and compares each with the rates in force before it.
// It returns them in the order of their moments.
func (i *Importer) Finish(ctx context.Context) ([]Imported, error) {
	if err := i.flushed(ctx); err != nil {
		return nil, err
	}
	before, fill := i.base, i.amends
	all := []Imported{}
	for _, at := range slices.Sorted(maps.Keys(i.drafts)) {
		draft := i.drafts[at]
		if err := i.complete(ctx, draft, before, fill); err != nil {
			return nil, fmt.Errorf("revision of card %s: %w", i.card, err)
		}
		all = append(all, *draft)
		before, fill = draft.Revision, true
	}
	return all, nil
}

// complete fills a draft with the earlier rates that it does not replace, and
// compares it with them.
func (i *Importer) complete(ctx context.Context, d *Imported, before Revision, fill bool) (err error) {
	id := d.Revision.ID
	if fill && before.ID != "" {
		_, err = i.tx.exec(ctx, "INSERT INTO rates ("+strings.Join(rateColumns, ", ")+`)
			SELECT CAST(? AS TEXT), `+strings.Join(rateColumns[1:], ", ")+` FROM rates o
			WHERE o.revision_id = ? AND NOT EXISTS (SELECT 1 FROM rates n WHERE n.revision_id = ? AND n.prefix = o.prefix)`,
			id, before.ID, id)
	}
	if err == nil {
		err = i.compare(ctx, d, before)
	}
	if err == nil {
		_, err = i.tx.exec(ctx, "UPDATE revisions SET row_count = ? WHERE id = ?", d.Revision.Rows, id)
	}
	return err
}

// Base records which revision an imported draft amends: the base of the import, or
// the draft of the moment before.
func (i *Importer) Base(ctx context.Context, d *Imported, base string) error {
	d.Revision.BaseID = base
	_, err := i.tx.exec(ctx, "UPDATE revisions SET base_id = ? WHERE id = ?", base, d.Revision.ID)
	return err
}

// compared counts prefixes by their kind of change, as CompareRates defines it.
var compared = `SELECT count(*) AS "rows", COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 1 ELSE 0 END), 0) AS created,
	COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 0 WHEN n.status <> o.status THEN 0 WHEN (` + rateDearer + `) AND NOT (` + rateCheaper + `) THEN 1 ELSE 0 END), 0) AS up,
	COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 0 WHEN n.status <> o.status THEN 0 WHEN (` + rateCheaper + `) AND NOT (` + rateDearer + `) THEN 1 ELSE 0 END), 0) AS down,
	COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 0 WHEN ` + rateDiffers + ` THEN 0 ELSE 1 END), 0) AS unchanged
	FROM rates n LEFT JOIN rates o ON o.revision_id = ? AND o.prefix = n.prefix WHERE n.revision_id = ?`

// rateDearer, rateCheaper and rateDiffers compare a rate n with the rate o of
// the same prefix, in every column.
var rateDearer, rateCheaper, rateDiffers = compareColumns(schema.RateType.Columns)

func compareColumns(columns []schema.Column) (dearer, cheaper, differs string) {
	var above, below, apart []string
	for _, c := range columns {
		if c.Name == "prefix" {
			continue
		}
		now, old := "n."+c.Name, "o."+c.Name
		apart = append(apart, now+" IS DISTINCT FROM "+old)
		if c.Kind != schema.Money && c.Kind != schema.Integer {
			continue
		}
		if !c.NotNull {
			now, old = "COALESCE("+now+", n.cost)", "COALESCE("+old+", o.cost)"
		}
		above, below = append(above, now+" > "+old), append(below, now+" < "+old)
	}
	return strings.Join(above, " OR "), strings.Join(below, " OR "), "(" + strings.Join(apart, " OR ") + ")"
}

func (i *Importer) compare(ctx context.Context, d *Imported, before Revision) error {
	if before.ID == "" || i.blind {
		type counted struct{ Rows int64 }
		c, err := dialect.SelectOne[counted](ctx, i.tx.store.dialect, i.tx.tx, `SELECT count(*) AS "rows" FROM rates WHERE revision_id = ?`, d.Revision.ID)
		if d.Revision.Rows = c.Rows; !i.blind {
			d.Changes = &DiffSum{Created: c.Rows}
		}
		return i.tx.refused(ctx, err)
	}
	type counted struct{ Rows, Created, Up, Down, Unchanged int64 }
	c, err := dialect.SelectOne[counted](ctx, i.tx.store.dialect, i.tx.tx, compared, before.ID, d.Revision.ID)
	if err != nil {
		return err
	}
	d.Revision.Rows = c.Rows
	d.Changes = &DiffSum{
		Created: c.Created, Removed: before.Rows - (c.Rows - c.Created), Up: c.Up, Down: c.Down, Unchanged: c.Unchanged,
		Changed: c.Rows - c.Created - c.Up - c.Down - c.Unchanged,
	}
	return nil
}
