# equal
# Iteration over a set column.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x == input.subject.account.id
}
