# equal
# oracle: empty
# An error under a negation is no denial of it.
package reseller.main

odd if to_number(input.action.name) > 1

allow if {
	not odd
	input.resource.kind == "customer"
}
