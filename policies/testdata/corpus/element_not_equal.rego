# equal
# An element that is not equal.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	not x == "acc_r1"
}
