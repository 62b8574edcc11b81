# equal
# An error on a value of the request.
package reseller.main

odd if to_number(input.context.panel) > 1

allow if {
	not odd
	input.resource.kind == "customer"
}
