# equal
# An element that equals a column and the subject.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x == input.subject.account.id
	x != input.resource.name
}
