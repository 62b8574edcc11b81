// Package filter compiles what partial evaluation leaves of a question into a
// predicate that a store can turn into SQL. It refuses whatever it does not
// know how to carry over exactly.
//
// Its terms:
//
//	question     allow, reasons, view or columns: what a plan asks the tree
//	known        the part of the input that a plan is compiled with
//	late value   a value of the request that a plan binds when it is used
//	row          the columns of a stored row; unknown when a plan is compiled
//	residual     what partial evaluation leaves of a question: alternatives, and
//	             the support rules that they refer to
//	frame        what one compilation knows, and what it leaves open
//	guard        a condition that reads no row; it is decided once per request
//	need         the type that a late value must have for a plan to hold
//	pin          a late value that one plan had to be compiled with
//	refusal      the part of a residual that no filter can carry, and its place
//	touch        whether a rule reads the row, or something that is bound late
package filter
