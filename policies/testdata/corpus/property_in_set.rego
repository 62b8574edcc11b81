# equal
# A property of any type in a set.
package reseller.main

allow if {
	input.action.properties.account_id in input.resource.assigned_to
}
