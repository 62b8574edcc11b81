package store

import (
	"reflect"
	"strings"

	"resellerd/store/schema"
)

// statements are those of one table. They are made once of the struct that
// holds its rows, which is the one list of its columns.
type statements struct {
	query  string // is continued with a condition
	insert string // takes a row
	update string // takes a row, and writes what may change
}

// statementsOf makes the statements of a table of the fields of Row and their marks.
func statementsOf[Row any](table string) statements {
	var names, read, written, changed, key []string
	for _, f := range schema.Fields(reflect.TypeFor[Row]()) {
		c := column{f}
		names, read, written = append(names, c.Name), append(read, c.read()), append(written, c.bound())
		switch {
		case c.Marked("key"):
			key = append(key, c.Name+" = :"+c.Name)
		case !c.Marked("fixed"):
			changed = append(changed, c.Name+" = "+c.bound())
		}
	}
	return statements{
		query:  "SELECT " + strings.Join(read, ", ") + " FROM " + table,
		insert: "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(written, ", ") + ")",
		update: "UPDATE " + table + " SET " + strings.Join(changed, ", ") + " WHERE " + strings.Join(key, " AND "),
	}
}

// column is a column of a table, and how it is read and written.
type column struct{ schema.Field }

func (c column) read() string {
	switch {
	case !c.Marked("null"):
		return c.Name
	case c.Zero.Kind() == reflect.String:
		return "COALESCE(" + c.Name + ", '') AS " + c.Name
	}
	return "COALESCE(" + c.Name + ", 0) AS " + c.Name
}

// bound is the placeholder of the column's value.
func (c column) bound() string {
	switch {
	case !c.Marked("null"):
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
