# equal
# Reasons on the request.
package reseller.main

allow if {
	not outside
	input.resource.kind == "customer"
}

outside if not net.cidr_contains("10.0.0.0/8", input.context.client_ip)

reasons contains "outside" if outside
