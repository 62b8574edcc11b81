# equal
# Everything that is there differs from a list.
package reseller.main

allow if {
	input.resource.public_name != ["a"]
}
