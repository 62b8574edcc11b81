# equal
# element differs from column.
package reseller.main

allow if {
	input.resource.kind == "customer"
	some x in input.resource.assigned_to
	x != input.resource.account_id
}
