# refused: rule data.reseller.main.allow compares input.resource.public_name with what may be the same: write both out from input
# Which only says that it is there.
package reseller.main

allow if {
	input.resource.public_name == input.resource.public_name
}
