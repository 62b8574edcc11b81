// Package schema describes the types of rows that are kept: their columns, what kind
// of value each holds, what each view shows in it, and the SQL that reads it.
package schema
