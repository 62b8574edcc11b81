package schema

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

// Field is a field of a row's struct, and thereby a column of its table. The tag
// db holds the column's name and its marks:
//
//	key       one of the columns that identify the row; it never changes
//	fixed     also never changes
//	null      NULL in the table if it is "" or 0 in the struct
//	money     an amount with ten decimals
//	filter    policies can read it, and filters may refer to it
//	opaque    policies can read it, but no filter may refer to it
//	account   names an account of the row's tenant
//	personal  identifies a person; its values are kept nowhere else
//	hidden    only for policies; never part of a listed row
//	unlisted  only for the store
//
// The tag text:"prose" allows line breaks. The tag text:"letters" marks the first
// letters of actions. Other tags describe the column in the OpenAPI document. A
// field with db:"-" is stored in a table of its own. If callers write it, the tag
// json has its name.
type Field struct{ *reflectx.FieldInfo }

// Fields returns the columns of a row in the order of its fields. A field
// replaces one of the same name in an embedded struct.
//
// The fields of a type are found once. The caller must not change the list.
func Fields(row reflect.Type) []Field {
	if known, ok := knownFields.Load(row); ok {
		return known.([]Field)
	}
	known, _ := knownFields.LoadOrStore(row, findFields(row))
	return known.([]Field)
}

var knownFields sync.Map // []Field by reflect.Type

func findFields(row reflect.Type) (all []Field) {
	fields := reflectx.NewMapperFunc("db", sqlx.NameMapper).TypeMap(row)
	for _, f := range fields.Index {
		if fields.Names[f.Path] == f && !f.Embedded {
			all = append(all, Field{f})
		}
	}
	slices.SortFunc(all, func(a, b Field) int { return slices.Compare(a.Index, b.Index) })
	return all
}

// FieldOf returns the Field of a struct field, and false if it is not a column.
func FieldOf(field reflect.StructField) (Field, bool) {
	if tag := field.Tag.Get("db"); tag == "" || tag == "-" {
		return Field{}, false
	}
	return Fields(reflect.StructOf([]reflect.StructField{field}))[0], true
}

// Marked reports whether the tag has the mark.
func (f Field) Marked(mark string) bool {
	_, marked := f.Options[mark]
	return marked
}

// Kind returns the kind of the column, or 0 if its type cannot be listed. A bool
// with an enum tag is stored as one of its words.
func (f Field) Kind() Kind {
	typ := f.FieldInfo.Field.Type
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch kind := typ.Kind(); {
	case typ == reflect.TypeFor[Micros]():
		return Time
	case typ == reflect.TypeFor[Access]():
		return AccessRows
	case typ == reflect.TypeFor[Strings]():
		return JSON
	case f.FieldInfo.Field.Tag.Get("text") == "letters":
		return Letters
	case kind == reflect.String, kind == reflect.Bool && f.FieldInfo.Field.Tag.Get("enum") != "":
		return Text
	case kind == reflect.Bool:
		return Boolean
	case f.Marked("money"):
		return Money
	case kind == reflect.Int, kind == reflect.Int64:
		return Integer
	}
	return 0
}

// Null reports whether the column may be NULL in the table.
func (f Field) Null() bool {
	kind := f.FieldInfo.Field.Type.Kind()
	return f.Marked("null") || kind == reflect.Pointer || kind == reflect.Map
}

func (f Field) column() Column {
	c := stored(f.Name, f.Kind())
	c.Policy, c.Opaque = f.Marked("filter") || f.Marked("opaque"), f.Marked("opaque")
	c.Account, c.NotNull, c.Personal = f.Marked("account"), !f.Null(), f.Marked("personal")
	if c.Account && !f.Marked("key") {
		c.Refers = "account"
	}
	if words := f.FieldInfo.Field.Tag.Get("enum"); words != "" {
		c.Words = strings.Split(words, ",")
	}
	if c.Kind == AccessRows || c.Kind == JSON || c.Kind == Letters {
		c = c.whole()
	}
	if f.Marked("hidden") {
		c = c.hidden()
	}
	return c
}

// columns holds the columns of a type under construction.
type columns []Column

// columnsOf returns the columns of a row's table that can be listed.
func columnsOf[Row any]() (all columns) {
	for _, f := range Fields(reflect.TypeFor[Row]()) {
		if !f.Marked("unlisted") {
			all = append(all, f.column())
		}
	}
	return all
}

func (all columns) named(name string) int {
	return slices.IndexFunc(all, func(c Column) bool { return c.Name == name })
}

// from replaces the stored value of a column with an expression, which may be NULL.
func (all columns) from(name, expr string) columns {
	i := all.named(name)
	all[i] = all[i].from(expr)
	all[i].NotNull = false
	return all
}

// in makes a view show an expression instead of a column.
func (all columns) in(view, name, expr string) columns {
	i := all.named(name)
	all[i] = all[i].in(view, expr)
	return all
}

// refers names the type of the rows whose ids are the values of a column.
func (all columns) refers(name, typ string) columns {
	all[all.named(name)].Refers = typ
	return all
}

// behind inserts columns after the named one.
func (all columns) behind(name string, more ...Column) columns {
	return slices.Insert(all, all.named(name)+1, more...)
}
