// Package query turns a filtered list into one SQL statement, and its rows into
// JSON. What a viewer must not see never leaves the database.
//
// Its terms:
//
//	query        which rows of a type are asked for, and what of each is shown
//	view         a way to look at a row; exactly one applies to a row that is shown
//	group        columns that are shown in the rows for which a condition holds
//	parameters   what a filter leaves to each request: values, and conditions
//	             that touch no row
//	class        what a parameter can be compared with; part of a statement's text
//	shape        a query whose filters have been read, without any request's values
//	statement    a finished text, where its arguments come from, how its rows read
//	head         how a card decides about what hangs on it, such as its rates
package query
