# refused: input.resource.assigned_to[…]: neither key nor position can be carried into a filter
# The position of an element.
package reseller.main

allow if {
	some i, x in input.resource.assigned_to
	x == "acc_r1"
	i > 0
}
