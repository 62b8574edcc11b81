package store

import (
	"encoding/json"
	"maps"
)

// packed collects changes of a commit of many rows of a type, which are stored together: the
// policy columns that several rows have in common are stored once. How many rows a commit
// changes decides only how they are stored.
type packed struct {
	typ, last string // the type, and the id of the last row, under which all are stored
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

// packRows is how many changes are stored together, and packPrefix how their text begins.
const (
	packRows   = 50
	packPrefix = `{"pack":`
)

// distinguishing are columns, beside the id, by which each row of a type differs from the
// others.
var distinguishing = []string{"name", "public_name", "external_id", "carrier"}

// PersonalColumns lists the columns of a type that identify a person.
func PersonalColumns(typ string) []string { return personalColumns(typ) }

// full reports whether the collected changes must be stored before another one.
func (p *packed) full(c *Change, many bool) bool {
	return len(p.pack.Rows) > 0 && (!many || c.Type != p.typ || len(p.pack.Rows) == packRows)
}

// add adds a change of the same type.
func (p *packed) add(c *Change) error {
	if p.kinds == nil {
		p.typ, p.kinds, p.changed = c.Type, map[string]int{}, map[string]int{}
	}
	p.last = c.ID
	changed, err := numbered(p.changed, &p.pack.Changed, c.Changed)
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
	for _, name := range personalColumns(p.typ) {
		delete(kind, name)
	}
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
	side.Kind, err = numbered(p.kinds, &p.pack.Kinds, kind)
	return side, err
}

// numbered returns the place of a value in a list of different ones.
func numbered(known map[string]int, list *[]json.RawMessage, value any) (int, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return 0, err
	}
	n, ok := known[string(text)]
	if !ok {
		n = len(*list)
		known[string(text)], *list = n, append(*list, text)
	}
	return n, nil
}

// flush appends the stored row of the collected changes, and begins anew.
func (p *packed) flush(rows [][]any) ([][]any, error) {
	if len(p.pack.Rows) == 0 {
		return rows, nil
	}
	text, err := json.Marshal(p.pack)
	rows = append(rows, []any{p.typ, p.last, "[]", "", packPrefix + string(text) + "}"})
	*p = packed{}
	return rows, err
}

// unpack appends the changes that are stored together, apart from those until a place.
func unpack(all []Change, of Change, text string, after ChangePlace) ([]Change, error) {
	var stored struct{ Pack pack }
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return all, err
	}
	p := stored.Pack
	changed := make([][]string, len(p.Changed))
	for i, names := range p.Changed {
		if err := json.Unmarshal(names, &changed[i]); err != nil {
			return all, err
		}
	}
	kinds := make([]map[string]any, len(p.Kinds))
	for i, kind := range p.Kinds {
		var err error
		if kinds[i], err = policyRow(string(kind)); err != nil {
			return all, err
		}
	}
	for _, row := range p.Rows {
		if of.Revision == after.Revision && of.Type == after.Type && row.ID <= after.ID {
			continue
		}
		c := of
		c.ID, c.Changed, c.Bare = row.ID, changed[row.Changed], true
		c.Before, c.After = row.Before.whole(kinds, row.ID), row.After.whole(kinds, row.ID)
		all = append(all, c)
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
