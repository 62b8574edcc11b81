# equal
# Everything that is there differs from null.
package reseller.main

allow if {
	input.resource.public_name != null
}
