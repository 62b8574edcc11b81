# equal
# The subject's parent, which a master lacks.
package reseller.main

allow if {
	input.resource.account_id == input.subject.account.parent_id
}
