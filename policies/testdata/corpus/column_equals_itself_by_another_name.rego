# refused: rule data.reseller.main.allow compares input.resource.public_name with what may be the same: write both out from input
# The same through a variable.
package reseller.main

allow if {
	row := input.resource
	not row.public_name == input.resource.public_name
}
