# equal
# Outside the subject's subtree.
package reseller.main

allow if {
	not input.resource.account_id in input.subject.below
}
