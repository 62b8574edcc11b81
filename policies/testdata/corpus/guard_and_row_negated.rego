# equal
# The negation of both together.
package reseller.main

inside if {
	net.cidr_contains("10.0.0.0/8", input.context.client_ip)
	input.resource.kind == "customer"
}

allow if {
	not inside
}
