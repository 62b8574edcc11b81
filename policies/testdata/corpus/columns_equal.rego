# equal
# Two columns, either of which may be absent.
package reseller.main

allow if {
	input.resource.name == input.resource.public_name
}
