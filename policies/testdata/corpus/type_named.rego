# refused: type_name on the row in rule data.reseller.main.allow: a filter cannot carry it
# The name of a column's type.
package reseller.main

allow if {
	type_name(input.resource.name) == "string"
}
