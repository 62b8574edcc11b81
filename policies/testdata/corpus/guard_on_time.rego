# equal
# A condition on the time and one on the row.
package reseller.main

allow if {
	time.parse_rfc3339_ns(input.context.time) > 1767225600000000000
	input.resource.kind == "customer"
}
