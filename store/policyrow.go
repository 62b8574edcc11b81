package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// policyRow reads the policy columns of one stored row. It also says until when (microseconds since 1970) the row's timed
// sets stay what they are; 0 for ever. With at, it reads the history, too.
func (r *queryReader) policyRow(ctx context.Context, x execer, typ, id string, at *observation) (map[string]any, int64, error) {
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
	p := r.policySelect(def)
	args := []any{id}
	if p.timed {
		args = append(args, r.micros())
	}
	values := make([]any, len(p.columns)+1)
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	text := p.text
	if at != nil {
		text, args = at.joinTo(r.d, "JOIN", text, args)
		into = append(at.into(), into...)
	}
	if err := readOne(ctx, x, text, args, into...); err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", def.name, id, r.d.translateIn(ctx, err))
	}
	return p.row(values), numberOf(values[len(p.columns)]), nil
}

// policySelect is the statement that reads a type's policy columns.
type policySelect struct {
	text    string
	columns []*column
	timed   bool
}

func (r *queryReader) policySelect(def *typeDef) policySelect {
	b := newBuilder(r.d)
	id := b.bind(argument{kind: argID})
	var p policySelect
	var list, ends []string
	for i := range def.columns {
		c := &def.columns[i]
		if !c.Policy {
			continue
		}
		p.columns = append(p.columns, c)
		list = append(list, c.expr(b, "t"))
		if c.set != nil && c.set.timed {
			ends = append(ends, c.set.nextChange(b, "t"))
		}
	}
	p.timed = len(ends) > 0
	until := "NULL"
	if p.timed {
		until = ends[0] // no type has two timed sets
	}
	p.text = "SELECT " + strings.Join(list, ", ") + ", " + until + " FROM " + def.table + " t WHERE " + at(def.key, "t") + " = " + id
	return p
}

func (p policySelect) row(values []any) map[string]any {
	row := make(map[string]any, len(p.columns))
	for i, c := range p.columns {
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
