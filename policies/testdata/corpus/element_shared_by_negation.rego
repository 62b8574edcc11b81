# equal
# One element in two expressions.
package reseller.main

allow if {
	some x in input.resource.assigned_to
	x == input.subject.account.id
	not x == input.resource.name
}
