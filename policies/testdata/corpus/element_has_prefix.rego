# equal
# An element with a prefix.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	startswith(x, "acc_")
}
