# equal
# The subject's subtree.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
}
