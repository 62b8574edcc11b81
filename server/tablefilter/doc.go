// Package tablefilter renders a policy's filter as a condition on a table of the
// panel's own: as SQL with bound arguments, or as a ucast tree. A row passes exactly
// when the single check of the row is allowed. A comparison for which that cannot be
// made so is refused.
//
// Its terms:
//
//	table       the panel's table: its dialect, and the columns that hold what the
//	            policy reads
//	template    a filter for a table, without the values of a request
//	text        the SQL of a template for requests whose values have the same classes
//	source      where an argument comes from
//	exact       a comparison of bytes, whatever the collation of the column
package tablefilter
