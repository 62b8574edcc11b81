# refused: input.subject.below can only be asked for columns and properties that name an account
# An element in the subtree.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x in input.subject.below
}
