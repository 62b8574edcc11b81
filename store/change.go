package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Change is a change of one row by one commit.
type Change struct {
	Revision int64         // of the commit
	Mark     string        // of the commit, unguessable
	Type     string        // account, group, user, customer or card
	ID       string        // of the row
	At       schema.Micros // the time of the commit
	// Changed are the values that changed, as query.ShownAs names them, sorted. Of a
	// new row and of a deleted one, these are all values.
	Changed []string
	// Before and After hold the columns that filters may refer to, as PolicyRow
	// returns them; nil if the row did not exist.
	Before, After map[string]any
}

// ChangePlace is a place in the order of changes: before or at a change.
type ChangePlace struct {
	Revision int64
	Type, ID string // "" for all changes of earlier revisions
}

// Place returns the place of the change.
func (c *Change) Place() ChangePlace { return ChangePlace{c.Revision, c.Type, c.ID} }

// ToldTypes are the types whose changes are stored.
func ToldTypes() []string { return []string{"account", "card", "customer", "group", "user"} }

// changedRow names a row that the transaction changes.
type changedRow struct{ typ, id string }

// imageRows is how many rows one statement reads or writes.
const imageRows = 50

// willChange keeps the state of rows before the transaction changes them. Each write of
// a row, and of rows that are shown in it, calls this first. Calls for a row that the
// transaction has changed or created do nothing.
func (tx *Tx) willChange(ctx context.Context, typ string, ids ...string) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, kept := tx.before[changedRow{typ, id}]; return kept })
	images, err := tx.images(ctx, typ, ids)
	for _, id := range ids {
		tx.keepBefore(typ, id, images[id])
	}
	return err
}

// creates says that the transaction creates a row.
func (tx *Tx) creates(typ, id string) { tx.keepBefore(typ, id, nil) }

func (tx *Tx) keepBefore(typ, id string, image *query.Image) {
	if tx.before == nil {
		tx.before = map[changedRow]*query.Image{}
	}
	tx.before[changedRow{typ, id}] = image
}

// cardsWillChange is willChange for the cards that a condition selects.
func (tx *Tx) cardsWillChange(ctx context.Context, where string, args ...any) error {
	ids, err := tx.names(ctx, "SELECT id AS name FROM cards WHERE "+where, args...)
	if err == nil {
		err = tx.willChange(ctx, "card", ids...)
	}
	return err
}

// builtWillChange is willChange for the cards that name a card as a parent.
func (tx *Tx) builtWillChange(ctx context.Context, card string) error {
	return tx.cardsWillChange(ctx, "id IN (SELECT p.card_id FROM card_parents p WHERE p.parent_id = ?)", card)
}

func (tx *Tx) images(ctx context.Context, typ string, ids []string) (map[string]*query.Image, error) {
	all := map[string]*query.Image{}
	for some := range slices.Chunk(ids, imageRows) {
		images, err := tx.store.query.Images(ctx, tx.tx, typ, tx.now, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, images)
	}
	return all, nil
}

// changes compares the rows that the transaction changes with what they were before.
func (tx *Tx) changes(ctx context.Context) (all []Change, err error) {
	ids := map[string][]string{}
	for row := range tx.before {
		ids[row.typ] = append(ids[row.typ], row.id)
	}
	for _, typ := range slices.Sorted(maps.Keys(ids)) {
		slices.Sort(ids[typ])
		images, err := tx.images(ctx, typ, ids[typ])
		if err != nil {
			return nil, err
		}
		for _, id := range ids[typ] {
			before, after := tx.before[changedRow{typ, id}], images[id]
			if changed := query.Differing(before, after); len(changed) > 0 {
				all = append(all, Change{Type: typ, ID: id, Changed: changed, Before: before.Policy(), After: after.Policy()})
			}
		}
	}
	return all, nil
}

// writeChanges stores changes under the data revision that the transaction has taken.
func (tx *Tx) writeChanges(ctx context.Context, all []Change) error {
	if len(all) == 0 {
		return nil
	}
	mark := tx.newID("change")
	for some := range slices.Chunk(all, imageRows) {
		args := []any{tx.tenant, mark, tx.store.micros()}
		for _, c := range some {
			texts, err := c.texts()
			if err != nil {
				return err
			}
			args = append(args, texts...)
		}
		_, err := tx.exec(ctx, `INSERT INTO changes (tenant_id, revision, mark, at, type, id, changed, row_before, row_after)
			SELECT CAST(? AS TEXT), r.n, CAST(? AS TEXT), CAST(? AS BIGINT), v.column1, v.column2, v.column3, NULLIF(v.column4, ''), NULLIF(v.column5, '')
			FROM data_revision r, (VALUES (?, ?, ?, ?, ?)`+strings.Repeat(", (?, ?, ?, ?, ?)", len(some)-1)+") AS v", args...)
		if err != nil {
			return fmt.Errorf("changes: %w", err)
		}
	}
	return nil
}

func (c *Change) texts() ([]any, error) {
	texts := []any{c.Type, c.ID}
	for _, value := range []any{c.Changed, c.Before, c.After} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if string(text) == "null" {
			text = nil
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// Changes reads the changes of a tenant in order, after a place. It returns at most limit
// changes.
func (s *Store) Changes(ctx context.Context, tenant string, after ChangePlace, limit int) ([]Change, error) {
	return s.readChanges(ctx, `tenant_id = ? AND (revision, type, id) > (CAST(? AS BIGINT), ?, ?) ORDER BY revision, type, id LIMIT ?`,
		tenant, after.Revision, after.Type, after.ID, limit)
}

// ChangesBefore is Changes in the opposite order: the changes before a place, the
// newest first.
func (s *Store) ChangesBefore(ctx context.Context, tenant string, before ChangePlace, limit int) ([]Change, error) {
	return s.readChanges(ctx, `tenant_id = ? AND (revision, type, id) < (CAST(? AS BIGINT), ?, ?) ORDER BY revision DESC, type DESC, id DESC LIMIT ?`,
		tenant, before.Revision, before.Type, before.ID, limit)
}

// ChangeOf reads the change of a row by the commit with a mark. It returns ErrNotFound
// if it is not stored any more.
func (s *Store) ChangeOf(ctx context.Context, tenant, mark, typ, id string) (Change, error) {
	if !dialect.Storable(mark, typ, id) {
		mark = ""
	}
	found, err := s.readChanges(ctx, "tenant_id = ? AND mark = ? AND type = ? AND id = ? LIMIT 1", tenant, mark, typ, id)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("change: %w", fault.ErrNotFound)
	}
	if err != nil {
		return Change{}, err
	}
	return found[0], nil
}

func (s *Store) readChanges(ctx context.Context, where string, args ...any) ([]Change, error) {
	type stored struct {
		Revision      int64
		Mark          string
		Type, ID      string
		At            schema.Micros
		Changed       string
		Before, After string
	}
	rows, err := dialect.SelectAll[stored](ctx, s.dialect, s.pool, `SELECT revision, mark, type, id, at, changed,
		COALESCE(row_before, '') AS before, COALESCE(row_after, '') AS after FROM changes WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	all := make([]Change, len(rows))
	for i, r := range rows {
		all[i] = Change{Revision: r.Revision, Mark: r.Mark, Type: r.Type, ID: r.ID, At: r.At}
		if err := json.Unmarshal([]byte(r.Changed), &all[i].Changed); err != nil {
			return nil, fmt.Errorf("changes: %w", err)
		}
		if all[i].Before, err = policyRow(r.Before); err == nil {
			all[i].After, err = policyRow(r.After)
		}
		if err != nil {
			return nil, fmt.Errorf("changes: %w", err)
		}
	}
	return all, nil
}

// policyRow reads a row as PolicyRow returns it: its numbers are int64.
func policyRow(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	read := json.NewDecoder(strings.NewReader(text))
	read.UseNumber()
	var row map[string]any
	if err := read.Decode(&row); err != nil {
		return nil, err
	}
	for name, value := range row {
		if number, ok := value.(json.Number); ok {
			n, err := number.Int64()
			if err != nil {
				return nil, err
			}
			row[name] = n
		}
	}
	return row, nil
}

// ChangesUntold returns the last data revision before which changes may be missing,
// because a program wrote that does not store them. It grows when that happens again.
func (s *Store) ChangesUntold(ctx context.Context) (int64, error) {
	type untold struct{ N int64 }
	found, err := dialect.SelectOne[untold](ctx, s.dialect, s.pool, "SELECT COALESCE(untold, 0) AS n FROM data_revision")
	return found.N, err
}

// AssignmentsChanged lists the cards whose assignment to an account began or ended
// after a time, until another one.
func (s *Store) AssignmentsChanged(ctx context.Context, account string, after, until schema.Micros) ([]string, error) {
	type card struct{ ID string }
	cards, err := dialect.SelectAll[card](ctx, s.dialect, s.pool, `SELECT DISTINCT card_id AS id FROM assignments WHERE account_id = ?
		AND (valid_from + 0 > ? AND valid_from + 0 <= ? OR valid_to + 0 > ? AND valid_to + 0 <= ?) ORDER BY card_id`, account, after, until, after, until)
	ids := make([]string, len(cards))
	for i, c := range cards {
		ids[i] = c.ID
	}
	return ids, err
}

// sweepChanges deletes the changes of a tenant that are older than age, in slices. It
// does not change the data revision.
func (s *Store) sweepChanges(ctx context.Context, tenant string, age time.Duration) error {
	g, before := newStage(s, dialect.Sweeping), s.since(age+keepMargin)
	for left := int64(sweepRows); left == sweepRows; {
		err := g.write(ctx, func(tx *Tx) (err error) {
			left, err = tx.exec(ctx, `DELETE FROM changes WHERE tenant_id = ? AND at < ? AND (revision, type, id) IN (
				SELECT revision, type, id FROM changes WHERE tenant_id = ? ORDER BY revision, type, id LIMIT ?)`, tenant, before, tenant, sweepRows)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
