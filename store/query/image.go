package query

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// Image is everything that viewers may be shown of a row at one moment, and what
// policies decide by.
type Image struct {
	// Row holds the columns that filters may refer to, as PolicyRow returns them.
	Row   map[string]any
	shown map[string]any // by ShownAs
}

// Policy returns Row, or nil for no image.
func (i *Image) Policy() map[string]any {
	if i == nil {
		return nil
	}
	return i.Row
}

// ShownAs names the value of a column in a view: the column itself, unless the view
// shows something else in its place.
func ShownAs(typ, view, column string) string {
	if c := schema.ByName[typ].Column(column); c != nil && c.Views[view] != nil {
		return column + "@" + view
	}
	return column
}

// Differing returns the names, as ShownAs gives them, of the values that differ
// between two images of a row, sorted. It names all values if either is nil.
func Differing(before, after *Image) []string {
	var names []string
	for _, side := range []*Image{before, after} {
		if side == nil {
			continue
		}
		for name, value := range side.shown {
			if before == nil || after == nil || !reflect.DeepEqual(value, before.shown[name]) || !reflect.DeepEqual(value, after.shown[name]) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// imageColumn is one column of the statement that reads images.
type imageColumn struct {
	*schema.Column
	as string // of a shown value; "" for none
	by bool   // filters may refer to it
}

// Images reads rows of one type at the time now, by id. Rows that do not exist are
// absent.
func (r *Reader) Images(ctx context.Context, x dialect.Execer, typ string, now schema.Micros, ids []string) (map[string]*Image, error) {
	def, b := schema.ByName[typ], schema.NewBuilder(r.d)
	columns, list := imageColumns(def, b)
	var places []string
	for _, id := range ids {
		places = append(places, b.Bind(schema.Argument{Kind: schema.ArgConst, Value: id}))
	}
	text, used := b.Finish("SELECT " + strings.Join(list, ", ") + " FROM " + def.Table + " t WHERE t.id IN (" + strings.Join(places, ", ") + ")")
	args := make([]any, len(used))
	for i, a := range used {
		if args[i] = a.Value; a.Kind == schema.ArgNow {
			args[i] = int64(now)
		}
	}
	rows, err := x.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, r.queryError(ctx, typ, err)
	}
	defer rows.Close()
	images, values, scan := map[string]*Image{}, make([]any, len(columns)), keeping(rows, len(columns))
	for rows.Next() {
		if err := scan(values); err != nil {
			return nil, r.queryError(ctx, typ, err)
		}
		i := imageOf(columns, values)
		id, _ := i.Row["id"].(string)
		images[id] = i
	}
	return images, r.queryError(ctx, typ, rows.Err())
}

func imageColumns(def *schema.Type, b *schema.Builder) (columns []imageColumn, list []string) {
	for i := range def.Columns {
		c := &def.Columns[i]
		stored := imageColumn{Column: c, by: c.Policy && !c.Opaque}
		if c.Show {
			stored.as = c.Name
		}
		if stored.by || c.Show {
			columns, list = append(columns, stored), append(list, c.Expr(b, "t"))
		}
		for view, shown := range c.Views {
			columns, list = append(columns, imageColumn{Column: c, as: c.Name + "@" + view}), append(list, shown(b, "t"))
		}
	}
	return columns, list
}

func imageOf(columns []imageColumn, values []any) *Image {
	i := &Image{Row: map[string]any{}, shown: map[string]any{}}
	for n, c := range columns {
		if value := policyValue(c.Kind, values[n]); c.by && value != nil {
			i.Row[c.Name] = value
		}
		if c.as != "" {
			i.shown[c.as] = imageValue(values[n])
		}
	}
	return i
}

// imageValue is a value that can be compared with another one. The databases may
// write the same document differently.
func imageValue(value any) any {
	if b, ok := value.([]byte); ok {
		value = string(b)
	}
	text, ok := value.(string)
	var document any
	if ok && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Unmarshal([]byte(text), &document) == nil {
		return document
	}
	return value
}
