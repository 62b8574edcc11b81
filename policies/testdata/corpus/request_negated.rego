# equal
# A value of the request in a negation must be there.
package reseller.main

allow if {
	not startswith(input.context.panel, "one")
	input.resource.kind == "customer"
}
