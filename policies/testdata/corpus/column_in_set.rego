# equal
# A column in a set column.
package reseller.main

allow if {
	input.resource.external_id in input.resource.assigned_to
}
