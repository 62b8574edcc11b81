package store

import (
	"reflect"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

// statements are those of one table. They are made once of the struct that
// holds its rows, which is the one list of its columns.
type statements struct {
	query  string // is continued with a condition
	insert string // takes a row
	update string // takes a row, and writes what may change
}

// statementsOf makes the statements of a table of the db tags of Row. A tag has
// the column's name and its marks:
//
//	key    one of the columns that name the row; it never changes
//	fixed  never changes either
//	null   NULL in the table where it is "" or 0 in the struct
func statementsOf[Row any](table string) statements {
	var names, read, written, changed, key []string
	for _, c := range columnsOf(reflect.TypeFor[Row]()) {
		names, read, written = append(names, c.Name), append(read, c.read()), append(written, c.bound())
		switch {
		case c.marked("key"):
			key = append(key, c.Name+" = :"+c.Name)
		case !c.marked("fixed"):
			changed = append(changed, c.Name+" = "+c.bound())
		}
	}
	return statements{
		query:  "SELECT " + strings.Join(read, ", ") + " FROM " + table,
		insert: "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(written, ", ") + ")",
		update: "UPDATE " + table + " SET " + strings.Join(changed, ", ") + " WHERE " + strings.Join(key, " AND "),
	}
}

// column is a field of a row, as sqlx reads its tag.
type column struct{ *reflectx.FieldInfo }

// columnsOf lists the columns of a row in the order of its fields. A field takes
// the place of one of the same name in an embedded struct.
func columnsOf(row reflect.Type) (all []column) {
	fields := reflectx.NewMapperFunc("db", sqlx.NameMapper).TypeMap(row)
	for _, f := range fields.Index {
		if fields.Names[f.Path] == f {
			all = append(all, column{f})
		}
	}
	return all
}

func (c column) marked(mark string) bool {
	_, marked := c.Options[mark]
	return marked
}

func (c column) read() string {
	switch {
	case !c.marked("null"):
		return c.Name
	case c.Zero.Kind() == reflect.String:
		return "COALESCE(" + c.Name + ", '') AS " + c.Name
	}
	return "COALESCE(" + c.Name + ", 0) AS " + c.Name
}

// bound is the placeholder of the column's value.
func (c column) bound() string {
	switch {
	case !c.marked("null"):
		return ":" + c.Name
	case c.Zero.Kind() == reflect.String:
		return "NULLIF(:" + c.Name + ", '')"
	}
	return "NULLIF(CAST(:" + c.Name + " AS BIGINT), 0)"
}

// Apply has each value that a patch gives replace the one of the same name in a
// row. A patch gives values by pointers; those tagged "-" are about something
// else.
func Apply[Patch, Row any](patch *Patch, row *Row) {
	from, into := reflect.ValueOf(patch).Elem(), reflect.ValueOf(row).Elem()
	for i := range from.NumField() {
		f, value := from.Type().Field(i), from.Field(i)
		if value.Kind() != reflect.Pointer || f.Tag.Get("db") == "-" {
			continue
		}
		if !value.IsNil() {
			field := into.FieldByName(f.Name)
			field.Set(value.Elem().Convert(field.Type()))
		}
	}
}
