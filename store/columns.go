package store

import (
	"reflect"
	"strings"

	"resellerd/store/schema"
)

// statements are the SQL statements of one table. They are generated once from the
// struct of its rows, which is the only list of its columns.
type statements struct {
	query  string // needs a condition at its end
	insert string // takes a row
	update string // takes a row, and writes the columns that may change
}

// statementsOf generates the statements of a table from the fields of Row and their
// marks.
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

// column is a column of a table, with the SQL that reads and writes it.
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

// bound returns the SQL of the column's bound value.
func (c column) bound() string {
	switch {
	case !c.Marked("null"):
		return ":" + c.Name
	case c.Zero.Kind() == reflect.String:
		return "NULLIF(:" + c.Name + ", '')"
	}
	return "NULLIF(CAST(:" + c.Name + " AS BIGINT), 0)"
}

// Apply copies each value of a patch to the field of the same name in a row. The
// values of a patch are pointers. Apply ignores nil pointers, other fields, and
// fields tagged "-", which are not columns of the row.
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
