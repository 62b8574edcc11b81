# equal
# And not in it.
package reseller.main

allow if {
	not input.action.properties.account_id in input.resource.assigned_to
}
