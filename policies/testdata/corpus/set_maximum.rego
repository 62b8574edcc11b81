# refused: max over the row in rule data.reseller.main.allow
# The greatest element.
package reseller.main

allow if {
	max(input.resource.assigned_to) == input.subject.account.id
}
