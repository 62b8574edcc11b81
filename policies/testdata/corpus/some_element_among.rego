# equal
# An element that is one of several.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x in {"acc_r1", "acc_r3"}
}
