# refused: input.resource.name.first: a column has no parts
# A part of a column.
package reseller.main

allow if {
	input.resource.name.first == "a"
}
