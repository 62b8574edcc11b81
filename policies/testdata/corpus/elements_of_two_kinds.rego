# equal
# Two elements of one set.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x == "acc_r1"
	some y in input.resource.assigned_to
	y == "acc_r2"
}
