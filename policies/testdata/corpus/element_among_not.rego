# equal
# element among not.
package reseller.main

allow if {
	input.resource.kind == "customer"
	some x in input.resource.assigned_to
	not x in {"acc_r1", "acc_m1"}
}
