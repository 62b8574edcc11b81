# equal
# A master has no parent.
package reseller.main

allow if {
	not input.resource.account_id == input.subject.account.parent_id
}
