# equal
# Which says that it is there.
package reseller.main

allow if {
	input.resource.public_name == input.resource.public_name
}
