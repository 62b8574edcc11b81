// Package schema describes the types of stored rows: their columns, the kind of each
// column, what each view shows in it, and the SQL that reads it.
package schema
