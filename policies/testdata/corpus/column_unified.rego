# equal
# Unification in both directions.
package reseller.main

allow if {
	x = input.resource.name
	input.resource.public_name = x
}
