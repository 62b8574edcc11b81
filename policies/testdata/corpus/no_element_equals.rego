# equal
# Nothing among the elements.
package reseller.main

assigned if {
	some x in input.resource.assigned_to
	x == input.subject.account.id
}

allow if {
	not assigned
}
