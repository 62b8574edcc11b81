# equal
# Iteration over the subtree.
package reseller.main

allow if {
	some x in input.subject.below
	x == input.resource.account_id
}
