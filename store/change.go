package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
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
	// returns them; nil if the row did not exist. A large set is a SetPart; see Whole.
	Before, After map[string]any
}

// SetPart stands for a large set of which a commit changed a part. The set is that of the
// stored row, with some members and without others.
type SetPart struct {
	With    []any `json:"with,omitempty"`
	Without []any `json:"without,omitempty"`
}

// largeSet is how many members a set may have in common before and after a change, if it
// is stored whole.
const largeSet = 50

// ChangePlace is a place in the order of changes: before or at a change.
type ChangePlace struct {
	Revision int64
	Type, ID string // "" for all changes of earlier revisions
}

// Place returns the place of the change.
func (c *Change) Place() ChangePlace { return ChangePlace{c.Revision, c.Type, c.ID} }

// ToldTypes are the types whose changes are stored.
func ToldTypes() []string { return []string{"account", "card", "customer", "group", "user"} }

// imageRows is how many rows one statement reads.
const imageRows = 50

// changing is the state of rows before the transaction changes them, by id; nil for a new row.
type changing map[string]*formerRow

// formerRow is a row as it was. It needs little memory.
type formerRow struct {
	row   string // its policy columns as JSON
	shown query.Shown
}

// willChange keeps the state of rows before the transaction changes them. Each write of
// a row, and of rows that are shown in it, calls this first. Calls for a row that the
// transaction has changed or created do nothing.
func (tx *Tx) willChange(ctx context.Context, typ string, ids ...string) error {
	before := tx.changing(typ)
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, kept := before[id]; return kept })
	if err := tx.keepFormer(ctx, typ, ids...); err != nil {
		return err
	}
	return tx.images(ctx, typ, ids, func(id string, i *query.Image) error {
		if i == nil {
			before[id] = nil
			return nil
		}
		text, err := json.Marshal(i.Row)
		before[id] = &formerRow{string(text), i.Shown}
		return err
	})
}

// creates says that the transaction creates a row.
func (tx *Tx) creates(typ, id string) { tx.changing(typ)[id] = nil }

func (tx *Tx) changing(typ string) changing {
	if tx.before == nil {
		tx.before = map[string]changing{}
	}
	if tx.before[typ] == nil {
		tx.before[typ] = changing{}
	}
	return tx.before[typ]
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
	return tx.cardsWillChange(ctx, namingParent, card)
}

// namingParent selects the cards that name a card as a parent.
const namingParent = "id IN (SELECT p.card_id FROM card_parents p WHERE p.parent_id = ?)"

// images reads rows, and calls each for every id; with nil for a row that does not exist.
func (tx *Tx) images(ctx context.Context, typ string, ids []string, each func(id string, i *query.Image) error) error {
	for some := range slices.Chunk(ids, imageRows) {
		images, err := tx.store.query.Images(ctx, tx.tx, typ, tx.now, some)
		if err != nil {
			return err
		}
		for _, id := range some {
			if err := each(id, images[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// changes compares the rows that the transaction changes with what they were before, and
// calls each for those that differ, by type and id. many says that the commit is about many
// rows of the type.
func (tx *Tx) changes(ctx context.Context, each func(c *Change, many bool) error) error {
	for _, typ := range slices.Sorted(maps.Keys(tx.before)) {
		before := tx.before[typ]
		err := tx.images(ctx, typ, slices.Sorted(maps.Keys(before)), func(id string, after *query.Image) error {
			c := &Change{Type: typ, ID: id}
			var shown, is query.Shown
			if was := before[id]; was != nil {
				var err error
				if c.Before, err = policyRow(was.row); err != nil {
					return err
				}
				shown = was.shown
			}
			if after != nil {
				c.After, is = after.Row, after.Shown
			}
			if c.Changed = query.Differing(shown, is); len(c.Changed) == 0 {
				return nil
			}
			c.shorten()
			return each(c, len(before) > tx.store.changes)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// shorten replaces large sets by what changed of them.
func (c *Change) shorten() {
	if c.Before == nil || c.After == nil {
		return
	}
	for _, column := range schema.ByName[c.Type].Columns {
		before, _ := c.Before[column.Name].([]any)
		after, _ := c.After[column.Name].([]any)
		if column.Kind != schema.Set || min(len(before), len(after)) <= largeSet {
			continue
		}
		added, removed := missing(before, after), missing(after, before)
		if len(before)-len(removed) > largeSet {
			c.Before, c.After = maps.Clone(c.Before), maps.Clone(c.After)
			c.Before[column.Name], c.After[column.Name] = SetPart{removed, added}, SetPart{added, removed}
		}
	}
}

// Whole returns Before and After with whole sets. A set that is stored as a SetPart has the
// members that it has now, apart from those that the commit added or removed: a later
// change tells of the others.
func (s *Store) Whole(ctx context.Context, c *Change) (before, after map[string]any, err error) {
	var now map[string]any
	whole := func(row map[string]any) map[string]any {
		kept := row
		for name, value := range row {
			part, ok := value.(SetPart)
			if !ok || err != nil {
				continue
			}
			if now == nil {
				if now, err = s.PolicyRow(ctx, c.Type, c.ID); errors.Is(err, fault.ErrNotFound) {
					now, err = map[string]any{}, nil
				}
			}
			set, _ := now[name].([]any)
			kept = maps.Clone(kept)
			kept[name] = part.of(set)
		}
		return kept
	}
	return whole(c.Before), whole(c.After), err
}

func (p SetPart) of(set []any) []any {
	if len(p.With) == 0 && len(p.Without) == 0 {
		return set
	}
	return append(missing(append(slices.Clone(p.Without), p.With...), set), p.With...)
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

// storedChange is a row of changes or of change_packs. The latter have no revision.
type storedChange struct {
	Revision      int64
	Mark          string
	Type, ID      string
	At            schema.Micros
	Changed       string
	Before, After string
}

const (
	changeColumns = "mark, type, id, at, changed, COALESCE(row_before, '') AS before, COALESCE(row_after, '') AS after"
	selectChanges = "SELECT revision, " + changeColumns + ` FROM changes
		WHERE tenant_id = ? AND revision <= ? AND (revision, type, id) > (CAST(? AS BIGINT), ?, ?) ORDER BY revision, type, id LIMIT ?`
)

// Changes reads the changes of a tenant in order: those after a place, until a data
// revision. It returns limit changes, or fewer if there are no more. Once a reader knows a data
// revision, no change of it, or of an earlier one, is added any more: a transaction takes its
// revision, writes its changes and commits, before another one can take the next revision.
func (s *Store) Changes(ctx context.Context, tenant string, after ChangePlace, until int64, limit int) (all []Change, err error) {
	most := limit
	if after.ID != "" {
		most = 1 // the place may be within packs, so that no other row is needed
	}
	for len(all) < limit {
		most = min(most, limit-len(all))
		rows, err := dialect.SelectAll[storedChange](ctx, s.dialect, s.pool, selectChanges, tenant, until, after.Revision, after.Type, after.ID, most)
		for i := 0; err == nil && i < len(rows) && len(all) < limit; i++ {
			r := &rows[i]
			if r.ID == inPacks {
				all, err = s.changesInPacks(ctx, tenant, r, after, all, limit)
			} else {
				all, err = r.appendTo(all)
			}
			after = ChangePlace{r.Revision, r.Type, r.ID}
		}
		if err != nil {
			return nil, fmt.Errorf("changes: %w", err)
		}
		if len(rows) < most {
			break
		}
		most = limit
	}
	return all, nil
}

func (r *storedChange) appendTo(all []Change) ([]Change, error) {
	c := Change{Revision: r.Revision, Mark: r.Mark, Type: r.Type, ID: r.ID, At: r.At}
	err := json.Unmarshal([]byte(r.Changed), &c.Changed)
	if err == nil {
		c.Before, err = policyRow(r.Before)
	}
	if err == nil {
		c.After, err = policyRow(r.After)
	}
	return append(all, c), err
}

// ChangeCommit is a commit that stored changes.
type ChangeCommit struct {
	Revision int64
	Mark     string
	At       schema.Micros
}

const selectChangeCommit = "SELECT revision, mark, at FROM changes WHERE tenant_id = ? AND "

// LastChangeCommit returns the last commit of a tenant, until a data revision, that stored
// changes. It returns ErrNotFound if none is stored.
func (s *Store) LastChangeCommit(ctx context.Context, tenant string, until int64) (ChangeCommit, error) {
	return dialect.SelectOne[ChangeCommit](ctx, s.dialect, s.pool, selectChangeCommit+"revision <= ? ORDER BY revision DESC LIMIT 1", tenant, until)
}

// ChangeCommit returns the commit of a tenant that has a mark. It returns ErrNotFound if
// its changes are not stored any more.
func (s *Store) ChangeCommit(ctx context.Context, tenant, mark string) (ChangeCommit, error) {
	if !dialect.Storable(mark) {
		mark = ""
	}
	return dialect.SelectOne[ChangeCommit](ctx, s.dialect, s.pool, selectChangeCommit+"mark = ? LIMIT 1", tenant, mark)
}

// policyRow reads a row of a Change. Its numbers are int64.
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
		switch value := value.(type) {
		case json.Number:
			n, err := value.Int64()
			if err != nil {
				return nil, err
			}
			row[name] = n
		case map[string]any:
			with, _ := value["with"].([]any)
			without, _ := value["without"].([]any)
			row[name] = SetPart{with, without}
		}
	}
	return row, nil
}

// ChangesUntold returns the last data revision of a program that does not store changes,
// 0 for none. Changes until then may be missing.
func (s *Store) ChangesUntold(ctx context.Context) (int64, error) {
	type untold struct{ N int64 }
	found, err := dialect.SelectOne[untold](ctx, s.dialect, s.pool, "SELECT COALESCE("+untoldRevision+", 0) AS n FROM data_revision")
	return found.N, err
}

// AssignmentsChanged lists the cards whose assignment to an account began or ended
// after a time, until another one. It returns at most limit cards.
func (s *Store) AssignmentsChanged(ctx context.Context, account string, after, until schema.Micros, limit int) ([]string, error) {
	type card struct{ ID string }
	cards, err := dialect.SelectAll[card](ctx, s.dialect, s.pool, `SELECT DISTINCT card_id AS id FROM assignments WHERE account_id = ?
		AND (valid_from + 0 > ? AND valid_from + 0 <= ? OR valid_to + 0 > ? AND valid_to + 0 <= ?) ORDER BY card_id LIMIT ?`, account, after, until, after, until, limit)
	ids := make([]string, len(cards))
	for i, c := range cards {
		ids[i] = c.ID
	}
	return ids, err
}

// sweepChanges deletes the changes of a tenant that are older than age, in slices. It
// does not change the data revision.
func (s *Store) sweepChanges(ctx context.Context, tenant string, age time.Duration) error {
	before := s.since(age + keepMargin)
	err := s.inSlices(ctx, func(tx *Tx) (int64, error) {
		return tx.exec(ctx, `DELETE FROM changes WHERE tenant_id = ? AND at < ? AND revision <= COALESCE((
			SELECT revision FROM changes WHERE tenant_id = ? ORDER BY revision, type, id LIMIT 1 OFFSET ?), ?)`, tenant, before, tenant, sweepRows-1, int64(math.MaxInt64))
	})
	if err != nil {
		return err
	}
	return s.inSlices(ctx, func(tx *Tx) (int64, error) { return tx.sweepPacks(ctx, tenant, before) })
}
