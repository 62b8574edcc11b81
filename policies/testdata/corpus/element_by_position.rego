# refused: input.resource.assigned_to[…]: neither key nor position can be carried into a filter
# The first element.
package reseller.main

allow if {
	input.resource.assigned_to[0] == "acc_r1"
}
