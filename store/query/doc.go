// Package query turns a filtered list into one SQL statement, and its rows into
// JSON. Data that a viewer must not see never leaves the database.
//
// Its terms:
//
//	query        selects rows of a type, and the parts of each row to show
//	view         a way to present a row; exactly one applies to each shown row
//	group        columns that are shown in the rows for which a condition holds
//	parameters   the parts of a filter that depend on the request: values, and
//	             conditions that refer to no column
//	class        the values that a parameter can be compared with; the text of a
//	             statement depends on it
//	shape        a query whose filters are analysed, without a request's values
//	statement    a finished text, the sources of its arguments, and the layout of
//	             its rows
//	head         what a card decides about the rows that belong to it, such as
//	             its rates
package query
