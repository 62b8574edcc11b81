# equal
# type: account
# The subject's depth against the row's.
package reseller.main

allow if {
	input.resource.depth > input.subject.account.depth
}
