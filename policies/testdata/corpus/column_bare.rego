# equal
# A bare column is one that is there.
package reseller.main

allow if {
	input.resource.public_name
}
