package query

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
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
	Shown Shown
}

// Shown tells the values that viewers may be shown of a row from other ones of the same
// process. It needs little memory. It is nil for no row.
type Shown struct {
	names []string // as ShownAs gives them, sorted; all rows of a statement share them
	sums  []uint64
}

// ShownAs names the value of a column in a view: the column itself, unless the view
// shows something else in its place.
func ShownAs(typ, view, column string) string {
	if c := schema.ByName[typ].Column(column); c != nil && c.Views[view] != nil {
		return column + "@" + view
	}
	return column
}

// Differing returns the names, as ShownAs gives them, of the values that differ between
// two states of a row, sorted. It names all values if the row did not exist in one of them.
func Differing(before, after Shown) []string {
	if before.names == nil {
		return after.names
	}
	if after.names == nil {
		return before.names
	}
	var names []string
	for n, name := range after.names {
		if before.sums[n] != after.sums[n] {
			names = append(names, name)
		}
	}
	return names
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
	var names []string
	for _, c := range columns {
		if c.as != "" {
			names = append(names, c.as)
		}
	}
	images, values, scan := map[string]*Image{}, make([]any, len(columns)), keeping(rows, len(columns))
	for rows.Next() {
		if err := scan(values); err != nil {
			return nil, r.queryError(ctx, typ, err)
		}
		i := imageOf(columns, values)
		i.Shown.names = names
		id, _ := i.Row["id"].(string)
		images[id] = i
	}
	return images, r.queryError(ctx, typ, rows.Err())
}

// imageColumns returns the columns of images of a type, in the order of their names.
func imageColumns(def *schema.Type, b *schema.Builder) (columns []imageColumn, list []string) {
	type listed struct {
		imageColumn
		expr func(*schema.Builder, string) string
	}
	var all []listed
	for i := range def.Columns {
		c := &def.Columns[i]
		stored := listed{imageColumn{Column: c, by: c.Policy && !c.Opaque}, c.Expr}
		if c.Show {
			stored.as = c.Name
		}
		if stored.by || c.Show {
			all = append(all, stored)
		}
		for view, shown := range c.Views {
			all = append(all, listed{imageColumn{Column: c, as: c.Name + "@" + view}, shown})
		}
	}
	slices.SortFunc(all, func(a, b listed) int { return cmp.Compare(a.as, b.as) })
	for _, one := range all {
		columns, list = append(columns, one.imageColumn), append(list, one.expr(b, "t"))
	}
	return columns, list
}

func imageOf(columns []imageColumn, values []any) *Image {
	i := &Image{Row: map[string]any{}}
	for n, c := range columns {
		if value := policyValue(c.Kind, values[n]); c.by && value != nil {
			i.Row[c.Name] = value
		}
		if c.as != "" {
			i.Shown.sums = append(i.Shown.sums, sumOf(values[n]))
		}
	}
	return i
}

// seed makes the sums of a process unpredictable, so that nobody can choose values with the
// same one.
var seed = maphash.MakeSeed()

// sumOf is the same for equal values. The databases may write the same document differently.
func sumOf(value any) uint64 {
	if b, ok := value.([]byte); ok {
		value = string(b)
	}
	text, ok := value.(string)
	if !ok {
		return maphash.String(seed, fmt.Sprintf("%T %v", value, value))
	}
	var document any
	if (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Unmarshal([]byte(text), &document) == nil {
		if same, err := json.Marshal(document); err == nil {
			text = string(same)
		}
	}
	return maphash.String(seed, "text "+text)
}
