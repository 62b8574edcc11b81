# equal
# type: account
# The subject's own account.
package reseller.main

allow if {
	input.resource.id == input.subject.account.id
}
