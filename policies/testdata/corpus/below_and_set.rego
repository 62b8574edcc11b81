# equal
# The subtree and a set.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
	not input.subject.account.id in input.resource.assigned_to
}
