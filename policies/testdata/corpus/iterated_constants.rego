# equal
# Iteration over constants.
package reseller.main

allow if {
	input.resource.currency == ["USD", "EUR"][_]
}
