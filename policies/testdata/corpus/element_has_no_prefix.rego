# equal
# element has no prefix.
package reseller.main

allow if {
	input.resource.kind == "customer"
	some x in input.resource.assigned_to
	not startswith(x, "acc_r")
}
