# equal
# An empty set holds nothing.
package reseller.main

allow if {
	not input.subject.account.id in input.resource.assigned_to
}
