// Package filter compiles the residual of a question, which partial evaluation
// leaves, into a predicate that a store can turn into SQL. It refuses
// everything that it cannot translate exactly.
//
// Its terms:
//
//	question     allow, reasons, view or columns: what a plan asks the tree
//	known        the part of the input that a plan is compiled with
//	late value   a value of the request that a plan binds when it is used
//	row          the columns of a stored row; unknown when a plan is compiled
//	residual     the result of partial evaluation: alternatives, and the support
//	             rules that they refer to
//	frame        the known part and the open part of the input of one compilation
//	guard        a condition that reads no row; it is decided once per request
//	need         the type that a late value must have for a plan to apply
//	pin          a late value that one plan had to be compiled with
//	refusal      the part of a residual that no filter can express, and its place
//	touch        whether a rule reads the row or a late value
package filter
