# equal
# A variable in a negation must be there.
package reseller.main

allow if {
	x := input.resource.public_name
	not x == "a"
}
