package query

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/schema"
)

// PolicyRow reads the policy columns of one stored row. It also returns until when
// (microseconds since 1970) the row's timed sets stay the same, 0 for no end. If at
// is not nil, it also reads the history.
func (r *Reader) PolicyRow(ctx context.Context, x dialect.Execer, typ, id string, at *history.Observation) (map[string]any, int64, error) {
	def := schema.ByName[typ]
	if def == nil || def.Through != nil && !def.Decided {
		return nil, 0, fault.Invalid("type", fmt.Sprintf("is %q, which has no rows of its own", typ))
	}
	if def.Through != nil {
		def = def.Through
	}
	if !dialect.Storable(id) {
		return nil, 0, fmt.Errorf("%s: %w", typ, fault.ErrNotFound)
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
		text, args = at.JoinTo(r.d, "JOIN", text, args)
		into = append(at.Into(), into...)
	}
	if err := dialect.ReadOne(ctx, x, text, args, into...); err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", def.Name, id, r.d.TranslateIn(ctx, err))
	}
	return p.row(values), numberOf(values[len(p.columns)]), nil
}

// policySelect is the statement that reads a type's policy columns.
type policySelect struct {
	text    string
	columns []*schema.Column
	timed   bool
}

func (r *Reader) policySelect(def *schema.Type) policySelect {
	b := schema.NewBuilder(r.d)
	id := b.Bind(schema.Argument{Kind: schema.ArgID})
	var p policySelect
	var list, ends []string
	for i := range def.Columns {
		c := &def.Columns[i]
		if !c.Policy {
			continue
		}
		p.columns = append(p.columns, c)
		list = append(list, c.Expr(b, "t"))
		if c.Set != nil && c.Set.Timed {
			ends = append(ends, c.Set.NextChange(b, "t"))
		}
	}
	p.timed = len(ends) > 0
	until := "NULL"
	if p.timed {
		until = ends[0] // a type has at most one timed set
	}
	p.text = "SELECT " + strings.Join(list, ", ") + ", " + until + " FROM " + def.Table + " t WHERE " + schema.Aliased(def.Key, "t") + " = " + id
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

func policyValue(kind schema.Kind, v any) any {
	switch {
	case v == nil:
		return nil
	case kind == schema.Boolean:
		return truth(v)
	case kind == schema.Text:
		return textOf(v)
	case slices.Contains([]schema.Kind{schema.Set, schema.JSON, schema.AccessRows}, kind):
		var document any
		if json.Unmarshal([]byte(textOf(v)), &document) != nil {
			return nil
		}
		return document
	}
	return v
}
