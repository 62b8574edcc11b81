# equal
# Two columns that differ.
package reseller.main

allow if {
	input.resource.name != input.resource.public_name
}
