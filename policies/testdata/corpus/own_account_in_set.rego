# equal
# A value of the subject in a set column.
package reseller.main

allow if {
	input.subject.account.id in input.resource.assigned_to
}
