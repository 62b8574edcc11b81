# refused: an element of a set can only be compared for equality with a single value
# An element in the subtree.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x in input.subject.below
}
