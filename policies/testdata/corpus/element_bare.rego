# equal
# element bare.
package reseller.main

allow if {
	input.resource.kind == "customer"
	some x in input.resource.assigned_to
	x
}
