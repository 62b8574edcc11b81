package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// inPacks is the id of the row of changes that stands for all rows of a type which a commit
// changed. Their changes are in change_packs. It is after all ids.
const inPacks = "~"

// A statement writes at most packsWritten rows of change_packs, of about bytesWritten bytes.
// A transaction holds no more of them in memory.
const (
	packsWritten = 500
	bytesWritten = 256 << 10
)

// changeWriter stores the changes of a commit. The row of the data revision, which in
// PostgreSQL is that of all tenants, is locked until the commit. So changes of many rows of
// a type are written before it is taken. How many rows a commit changes decides only how
// their changes are stored.
type changeWriter struct {
	tx    *Tx
	mark  string // of the commit, with the time; see begin
	at    int64
	pack  packed
	packs [][]any // for change_packs, not written yet
	bytes int     // of packs
	rows  [][]any // for changes
	typ   string  // of the last packs
}

// before compares the rows that the transaction changes, and writes what can be written before
// the data revision is taken. It keeps the rest, which is little.
func (w *changeWriter) before(ctx context.Context) error {
	err := w.tx.changes(ctx, func(c *Change, many bool) error {
		if many {
			return w.add(ctx, c)
		}
		texts, err := c.texts()
		w.rows = append(w.rows, texts)
		return err
	})
	if err == nil {
		err = w.addPack(ctx)
	}
	if err == nil {
		err = w.flush(ctx)
	}
	if len(w.rows) > 0 {
		w.begin()
	}
	return err
}

// begin marks the commit, if it is not marked yet.
func (w *changeWriter) begin() {
	if w.mark == "" {
		w.mark, w.at = w.tx.newID("change"), w.tx.store.micros()
	}
}

// within writes the rest under the data revision that the transaction has taken.
func (w *changeWriter) within(ctx context.Context) error {
	for some := range slices.Chunk(w.rows, packsWritten) {
		if err := w.insert(ctx, "changes (revision, ", "r.n, ", some); err != nil {
			return err
		}
	}
	return nil
}

// add adds one of many changes. A change of a row that identifies a person is stored alone, so
// that an erasure finds it by the id.
func (w *changeWriter) add(ctx context.Context, c *Change) error {
	if w.typ != c.Type {
		w.typ, w.rows = c.Type, append(w.rows, []any{c.Type, inPacks, "[]", "", ""})
	}
	if len(personalColumns(c.Type)) > 0 {
		texts, err := c.texts()
		if err != nil {
			return err
		}
		return w.keep(ctx, texts)
	}
	if w.pack.full(c.Type) {
		if err := w.addPack(ctx); err != nil {
			return err
		}
	}
	return w.pack.add(c)
}

// addPack adds the collected changes, and begins to collect anew.
func (w *changeWriter) addPack(ctx context.Context) error {
	if len(w.pack.pack.Rows) == 0 {
		return nil
	}
	text, err := json.Marshal(w.pack.pack)
	if err != nil {
		return err
	}
	row := []any{w.pack.typ, w.pack.last, "[]", "", packPrefix + string(text) + "}"}
	w.pack = packed{}
	return w.keep(ctx, row)
}

// keep keeps a row until there are enough for a statement.
func (w *changeWriter) keep(ctx context.Context, row []any) error {
	w.packs = append(w.packs, row)
	for _, text := range row {
		w.bytes += len(text.(string))
	}
	if len(w.packs) < packsWritten && w.bytes < bytesWritten {
		return nil
	}
	return w.flush(ctx)
}

func (w *changeWriter) flush(ctx context.Context) error {
	if len(w.packs) == 0 {
		return nil
	}
	w.begin()
	err := w.insert(ctx, "change_packs (", "", w.packs)
	w.packs, w.bytes = nil, 0
	return err
}

func (w *changeWriter) insert(ctx context.Context, into, first string, rows [][]any) error {
	args := []any{w.tx.tenant, w.mark, w.at}
	for _, row := range rows {
		args = append(args, row...)
	}
	_, err := w.tx.exec(ctx, "INSERT INTO "+into+"tenant_id, mark, at, type, id, changed, row_before, row_after) SELECT "+first+
		`CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), v.column1, v.column2, v.column3, NULLIF(v.column4, ''), NULLIF(v.column5, '')
		FROM data_revision r, (VALUES (?, ?, ?, ?, ?)`+strings.Repeat(", (?, ?, ?, ?, ?)", len(rows)-1)+") AS v", args...)
	if err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	return nil
}

// packed collects changes of a type that are stored together: the policy columns that several
// rows have in common are stored once.
type packed struct {
	typ, last string // the type, and the id of the last row, under which all are stored
	bytes     int    // of Kinds and Changed
	pack      pack
	kinds     map[string]int // places in pack.Kinds, by text
	changed   map[string]int // places in pack.Changed, by text
}

// pack is how changes are stored together.
type pack struct {
	Kinds   []json.RawMessage `json:"kinds"`
	Changed []json.RawMessage `json:"changed"`
	Rows    []packRow         `json:"rows"`
}

type packRow struct {
	ID      string    `json:"id"`
	Changed int       `json:"c"`
	Before  *packSide `json:"b,omitempty"`
	After   *packSide `json:"a,omitempty"`
}

// packSide is a row before or after a change: what it has in common with others, and its own.
type packSide struct {
	Kind int            `json:"k"`
	Own  map[string]any `json:"o,omitempty"`
}

// At most packRows changes are stored together, of about packBytes, and their text begins with
// packPrefix.
const (
	packRows   = 50
	packBytes  = 64 << 10
	packPrefix = `{"pack":`
)

// distinguishing are columns, beside the id, by which each row of a type differs from the
// others.
var distinguishing = []string{"name", "public_name", "external_id", "carrier"}

// full reports whether the collected changes must be stored before another one of a type.
func (p *packed) full(typ string) bool {
	return p.typ != typ || len(p.pack.Rows) == packRows || p.bytes >= packBytes
}

// add adds a change of the same type.
func (p *packed) add(c *Change) error {
	if p.kinds == nil {
		p.typ, p.kinds, p.changed = c.Type, map[string]int{}, map[string]int{}
	}
	p.last = c.ID
	changed, err := p.numbered(p.changed, &p.pack.Changed, c.Changed)
	if err != nil {
		return err
	}
	row := packRow{ID: c.ID, Changed: changed}
	if row.Before, err = p.side(c.Before); err == nil {
		row.After, err = p.side(c.After)
	}
	p.pack.Rows = append(p.pack.Rows, row)
	return err
}

func (p *packed) side(row map[string]any) (*packSide, error) {
	if row == nil {
		return nil, nil
	}
	kind, side := maps.Clone(row), &packSide{}
	delete(kind, "id")
	for _, name := range distinguishing {
		if value, ok := kind[name]; ok {
			if side.Own == nil {
				side.Own = map[string]any{}
			}
			side.Own[name] = value
			delete(kind, name)
		}
	}
	var err error
	side.Kind, err = p.numbered(p.kinds, &p.pack.Kinds, kind)
	return side, err
}

// numbered returns the place of a value in a list of different ones.
func (p *packed) numbered(known map[string]int, list *[]json.RawMessage, value any) (int, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return 0, err
	}
	n, ok := known[string(text)]
	if !ok {
		n = len(*list)
		known[string(text)], *list = n, append(*list, text)
		p.bytes += len(text)
	}
	return n, nil
}

// changesInPacks appends the changes that a row of changes stands for, apart from those until
// a place, up to a limit.
func (s *Store) changesInPacks(ctx context.Context, tenant string, of *storedChange, after ChangePlace, all []Change, limit int) ([]Change, error) {
	id, each := "", packRows
	if after.Revision == of.Revision && after.Type == of.Type {
		id = after.ID
	}
	if len(personalColumns(of.Type)) > 0 {
		each = 1
	}
	for len(all) < limit {
		most := (limit-len(all))/each + 1
		packs, err := dialect.SelectAll[storedChange](ctx, s.dialect, s.pool, "SELECT "+changeColumns+` FROM change_packs
			WHERE tenant_id = ? AND at = ? AND mark = ? AND type = ? AND id > ? ORDER BY id LIMIT ?`, tenant, of.At, of.Mark, of.Type, id, most)
		if err != nil {
			return nil, err
		}
		for i := range packs {
			packs[i].Revision = of.Revision
			if all, err = packs[i].unpack(all, id, limit); err != nil {
				return nil, err
			}
			id = packs[i].ID
		}
		if len(packs) < most {
			break
		}
	}
	return all, nil
}

// unpack appends the changes of a row of change_packs, apart from those until an id, up to a
// limit.
func (r *storedChange) unpack(all []Change, after string, limit int) ([]Change, error) {
	if len(all) >= limit {
		return all, nil
	}
	if !strings.HasPrefix(r.After, packPrefix) {
		return r.appendTo(all)
	}
	var stored struct{ Pack pack }
	if err := json.Unmarshal([]byte(r.After), &stored); err != nil {
		return nil, err
	}
	p := stored.Pack
	changed := make([][]string, len(p.Changed))
	for i, names := range p.Changed {
		if err := json.Unmarshal(names, &changed[i]); err != nil {
			return nil, err
		}
	}
	kinds := make([]map[string]any, len(p.Kinds))
	for i, kind := range p.Kinds {
		var err error
		if kinds[i], err = policyRow(string(kind)); err != nil {
			return nil, err
		}
	}
	for _, row := range p.Rows {
		if row.ID <= after || len(all) == limit {
			continue
		}
		all = append(all, Change{
			Revision: r.Revision, Mark: r.Mark, Type: r.Type, ID: row.ID, At: r.At, Changed: changed[row.Changed],
			Before: row.Before.whole(kinds, row.ID), After: row.After.whole(kinds, row.ID),
		})
	}
	return all, nil
}

func (s *packSide) whole(kinds []map[string]any, id string) map[string]any {
	if s == nil {
		return nil
	}
	row := maps.Clone(kinds[s.Kind])
	row["id"] = id
	maps.Copy(row, s.Own)
	return row
}

// sweepPacks deletes the first sweepRows packs of a tenant, if they are older than a time.
func (tx *Tx) sweepPacks(ctx context.Context, tenant string, before schema.Micros) (int64, error) {
	type end struct {
		At             schema.Micros
		Mark, Type, ID string
	}
	until := end{At: before} // before all packs of that time
	found, err := dialect.SelectAll[end](ctx, tx.store.dialect, tx.tx,
		"SELECT at, mark, type, id FROM change_packs WHERE tenant_id = ? AND at < ? ORDER BY at, mark, type, id LIMIT 1 OFFSET ?", tenant, before, sweepRows-1)
	if err != nil {
		return 0, err
	}
	if len(found) > 0 {
		until = found[0]
	}
	return tx.exec(ctx, "DELETE FROM change_packs WHERE tenant_id = ? AND (at, mark, type, id) <= (CAST(? AS BIGINT), ?, ?, ?)",
		tenant, until.At, until.Mark, until.Type, until.ID)
}
