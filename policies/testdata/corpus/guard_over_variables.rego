# equal
# A condition over variables that touches no row.
package reseller.main

allow if {
	some word in split(input.context.panel, "-")
	count(word) == 3
	input.resource.kind == "customer"
}
