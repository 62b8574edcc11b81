# equal
# An element that differs.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x != "acc_r1"
}
