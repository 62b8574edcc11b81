package store

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Importer writes the rates of one import into new drafts of a card: one for
// what is in force now, and one for each later moment, which holds everything
// that is in force then. It belongs to its transaction; after an error that can
// only be given up.
type Importer struct {
	tx     *Tx
	card   string
	base   Revision // what is compared with, and amended; zero for none
	amends bool
	drafts map[Micros]*Imported
	batch  []importRow
}

type importRow struct {
	draft *Imported
	rate  Rate
}

// Imported is a draft that was imported, and how it differs from what is in
// force before it.
type Imported struct {
	Revision Revision
	At       Micros // the moment from which it is meant; 0 for now
	DiffSum
}

// importBatch is how many rows are written at a time: a draft cannot be made
// while others are being written.
const importBatch = 10_000

// NewImporter begins an import into a card of the tenant. With a base it is an
// amendment: rows that are not given stay as they are there. It returns
// ErrNotFound when the card is absent, and ErrConflict, with
// ReasonBaseChanged, when the base is not its active revision.
func (tx *Tx) NewImporter(ctx context.Context, card, base string) (*Importer, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return nil, err
	}
	active, err := tx.activeRevision(ctx, card)
	if err == nil && base != "" && base != active.ID {
		err = refused(ReasonBaseChanged, "base", "is not the active revision")
	}
	if err != nil {
		return nil, fmt.Errorf("card %s: %w", card, err)
	}
	return &Importer{tx: tx, card: card, base: active, amends: base != "", drafts: map[Micros]*Imported{}}, nil
}

// Add takes a row that is in force from a moment, 0 for now. It returns
// ErrInvalid for a malformed rate.
func (i *Importer) Add(ctx context.Context, at Micros, rate Rate) error {
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

// draft is the one of a moment, new if it has to be.
func (i *Importer) draft(ctx context.Context, at Micros) (*Imported, error) {
	if d, there := i.drafts[at]; there {
		return d, nil
	}
	d := &Imported{At: at, Revision: Revision{
		ID: i.tx.store.newID("revision"), CardID: i.card, Status: RevisionDraft, Origin: OriginImport, CreatedAt: i.tx.now,
	}}
	_, err := i.tx.execNamed(ctx, `INSERT INTO revisions (id, card_id, status, origin, created_at)
		VALUES (:id, :card_id, :status, :origin, :created_at)`, d.Revision)
	if err != nil {
		return nil, fmt.Errorf("revision of card %s: %w", i.card, err)
	}
	i.drafts[at] = d
	return d, nil
}

func (i *Importer) flush(ctx context.Context) error {
	next := 0
	_, err := i.tx.store.dialect.bulkInsert(ctx, i.tx.tx, "rates", rateColumns, func() ([]any, error) {
		if next == len(i.batch) {
			return nil, io.EOF
		}
		row := &i.batch[next]
		next++
		return row.rate.columns(row.draft.Revision.ID), nil
	})
	i.batch = i.batch[:0]
	i.tx.changed = true
	return i.tx.refused(ctx, err)
}

// Replace has a rate, or none, stand for a prefix that was added for a moment.
func (i *Importer) Replace(ctx context.Context, at Micros, prefix string, rate *Rate) error {
	if err := i.flush(ctx); err != nil {
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

// Finish completes the drafts and compares them, each with what is in force
// before it. They come in the order of their moments.
func (i *Importer) Finish(ctx context.Context) ([]Imported, error) {
	if err := i.flush(ctx); err != nil {
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

// complete fills a draft with what was in force before it and is not given
// anew, and compares it with that.
func (i *Importer) complete(ctx context.Context, d *Imported, before Revision, fill bool) (err error) {
	id := d.Revision.ID
	if fill && before.ID != "" {
		_, err = i.tx.exec(ctx, `INSERT INTO rates (revision_id, prefix, name, cost, inter, intra, mcd, pulse, connect, status)
			SELECT CAST(? AS TEXT), prefix, name, cost, inter, intra, mcd, pulse, connect, status FROM rates o
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

// Base has an imported draft name what it amends: the base of the import, or
// what was imported for the moment before.
func (i *Importer) Base(ctx context.Context, d *Imported, base string) error {
	d.Revision.BaseID = base
	_, err := i.tx.exec(ctx, "UPDATE revisions SET base_id = ? WHERE id = ?", base, d.Revision.ID)
	return err
}

// compared counts prefixes by what becomes of them, as CompareRates does.
const compared = `SELECT count(*) AS "rows", COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 1 ELSE 0 END), 0) AS created,
	COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 0 WHEN n.status <> o.status THEN 0 WHEN (` + dearer + `) AND NOT (` + cheaper + `) THEN 1 ELSE 0 END), 0) AS up,
	COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 0 WHEN n.status <> o.status THEN 0 WHEN (` + cheaper + `) AND NOT (` + dearer + `) THEN 1 ELSE 0 END), 0) AS down,
	COALESCE(sum(CASE WHEN o.prefix IS NULL THEN 0 WHEN n.cost = o.cost AND n.connect = o.connect AND n.mcd = o.mcd AND n.pulse = o.pulse
		AND n.status = o.status AND n.name = o.name AND COALESCE(n.inter, -1) = COALESCE(o.inter, -1)
		AND COALESCE(n.intra, -1) = COALESCE(o.intra, -1) THEN 1 ELSE 0 END), 0) AS unchanged
	FROM rates n LEFT JOIN rates o ON o.revision_id = ? AND o.prefix = n.prefix WHERE n.revision_id = ?`

const (
	dearer = `n.cost > o.cost OR n.connect > o.connect OR n.mcd > o.mcd OR n.pulse > o.pulse
		OR COALESCE(n.inter, n.cost) > COALESCE(o.inter, o.cost) OR COALESCE(n.intra, n.cost) > COALESCE(o.intra, o.cost)`
	cheaper = `n.cost < o.cost OR n.connect < o.connect OR n.mcd < o.mcd OR n.pulse < o.pulse
		OR COALESCE(n.inter, n.cost) < COALESCE(o.inter, o.cost) OR COALESCE(n.intra, n.cost) < COALESCE(o.intra, o.cost)`
)

func (i *Importer) compare(ctx context.Context, d *Imported, before Revision) error {
	if before.ID == "" {
		type counted struct{ Rows int64 }
		c, err := selectOne[counted](ctx, i.tx.store.dialect, i.tx.tx, `SELECT count(*) AS "rows" FROM rates WHERE revision_id = ?`, d.Revision.ID)
		d.Revision.Rows, d.Created = c.Rows, c.Rows
		return i.tx.refused(ctx, err)
	}
	type counted struct{ Rows, Created, Up, Down, Unchanged int64 }
	c, err := selectOne[counted](ctx, i.tx.store.dialect, i.tx.tx, compared, before.ID, d.Revision.ID)
	if err != nil {
		return err
	}
	d.Revision.Rows = c.Rows
	d.DiffSum = DiffSum{
		Created: c.Created, Removed: before.Rows - (c.Rows - c.Created), Up: c.Up, Down: c.Down, Unchanged: c.Unchanged,
		Changed: c.Rows - c.Created - c.Up - c.Down - c.Unchanged,
	}
	return nil
}
