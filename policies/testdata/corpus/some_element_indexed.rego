# equal
# Iteration by an index of no interest.
package reseller.main

allow if {
	input.resource.assigned_to[_] == input.subject.account.id
}
