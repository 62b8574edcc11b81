# equal
# An absent column does not differ either.
package reseller.main

allow if {
	input.resource.public_name != "a"
}
