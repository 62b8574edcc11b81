# equal
# oracle: total
# One of the two always holds.
package reseller.main

allow if {
	input.resource.public_name == "a"
}

allow if {
	not input.resource.public_name == "a"
}
