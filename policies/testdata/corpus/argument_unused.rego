# equal
# An argument that nothing uses must be there.
package reseller.main

any(_) if input.resource.kind == "customer"

allow if {
	any(input.resource.public_name)
}
