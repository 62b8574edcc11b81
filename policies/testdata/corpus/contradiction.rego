# equal
# oracle: empty
# What cannot be.
package reseller.main

allow if {
	input.resource.name == "a"
	input.resource.name == "b"
}
