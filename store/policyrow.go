package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// PolicyRow reads the policy columns of one stored row, whoever may see it:
// string, int64, bool, []any of strings for a set, what the JSON says for a
// document. Absent values are absent keys. The row of a type that is decided
// through another one ("rate", "revision") is that other row. It returns ErrNotFound when
// there is no such row and ErrUnavailable when the database does not answer.
//
// The map is shared and must not be changed. It holds for the current data
// revision, and no longer than any assignment in it.
func (s *Store) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	return cached(ctx, s.cache, "row\x00"+typ+"\x00"+id, func(ctx context.Context, at *sighting) (map[string]any, int64, error) {
		return s.policyRow(ctx, s.pool, typ, id, at)
	})
}

// policyRow also says until when (microseconds since 1970) the row's timed
// sets stay what they are; 0 for ever. With at, it reads the history, too.
func (s *Store) policyRow(ctx context.Context, x execer, typ, id string, at *sighting) (map[string]any, int64, error) {
	def := typeByName[typ]
	if def == nil || def.through != nil && !def.decided {
		return nil, 0, invalid("type", fmt.Sprintf("%q has no rows of its own", typ))
	}
	if def.through != nil {
		def = def.through
	}
	if !storable(id) {
		return nil, 0, fmt.Errorf("%s: %w", typ, ErrNotFound)
	}
	r := s.policyReading(def)
	args := []any{id}
	if r.timed {
		args = append(args, s.micros())
	}
	values := make([]any, len(r.columns)+1)
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	text := r.text
	if at != nil {
		text, args = at.beside(s.dialect, "JOIN", text, args)
		into = append(at.into(), into...)
	}
	rows, err := x.QueryContext(ctx, text, args...)
	if err == nil {
		err = scanOne(rows, into...)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", def.name, id, s.dialect.translateIn(ctx, err))
	}
	return r.row(values), numberOf(values[len(r.columns)]), nil
}

// policyReading is the statement that reads a type's policy columns.
type policyReading struct {
	text    string
	columns []*column
	timed   bool
}

func (s *Store) policyReading(def *typeDef) policyReading {
	b := &builder{d: s.dialect}
	id := b.bind(argument{kind: argID})
	var r policyReading
	var list, ends []string
	for i := range def.columns {
		c := &def.columns[i]
		if !c.Policy {
			continue
		}
		r.columns = append(r.columns, c)
		list = append(list, c.expr(b, "t"))
		if c.set != nil && c.set.timed {
			ends = append(ends, c.set.nextChange(b, "t"))
		}
	}
	r.timed = len(ends) > 0
	until := "NULL"
	if r.timed {
		until = ends[0] // no type has two timed sets
	}
	r.text = "SELECT " + strings.Join(list, ", ") + ", " + until + " FROM " + def.table + " t WHERE " + at(def.key, "t") + " = " + id
	return r
}

func (r policyReading) row(values []any) map[string]any {
	row := make(map[string]any, len(r.columns))
	for i, c := range r.columns {
		if v := policyValue(c.Kind, values[i]); v != nil {
			row[c.Name] = v
		}
	}
	return row
}

func policyValue(kind Kind, v any) any {
	switch {
	case v == nil:
		return nil
	case kind == Boolean:
		return truth(v)
	case kind == Text:
		return textOf(v)
	case slices.Contains([]Kind{Set, JSON, AccessRows}, kind):
		var document any
		if json.Unmarshal([]byte(textOf(v)), &document) != nil {
			return nil
		}
		return document
	}
	return v
}
