# equal
# Its negation.
package reseller.main

late if time.parse_rfc3339_ns(input.context.time) > 1767225600000000000

allow if {
	not late
	input.resource.kind == "customer"
}
