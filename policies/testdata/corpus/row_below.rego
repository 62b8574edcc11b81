# equal
# type: account
# An account's own id and the subtree.
package reseller.main

allow if {
	input.resource.type == "account"
	input.resource.id in input.subject.below
	input.resource.id != input.subject.account.id
}
