# refused: plus on the row in rule data.reseller.main.allow: a filter cannot carry it
# type: account
# Arithmetic on a column.
package reseller.main

allow if {
	input.resource.depth + 1 == 2
}
