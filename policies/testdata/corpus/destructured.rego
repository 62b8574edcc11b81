# equal
# Columns through an array pattern.
package reseller.main

allow if {
	["a", x] = [input.resource.name, input.resource.kind]
	x != "provider"
}
