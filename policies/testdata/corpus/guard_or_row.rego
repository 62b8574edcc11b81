# equal
# A condition on the address or one on the row.
package reseller.main

allow if {
	net.cidr_contains("10.0.0.0/8", input.context.client_ip)
}

allow if {
	input.resource.name == "a"
}
