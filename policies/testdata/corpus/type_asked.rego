# refused: is_string on the row in rule data.reseller.main.allow: a filter cannot carry it
# The type of a column.
package reseller.main

allow if {
	is_string(input.resource.name)
}
