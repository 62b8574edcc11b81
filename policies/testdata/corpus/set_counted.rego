# refused: count over the row in rule data.reseller.main.allow
# An aggregate over a set column.
package reseller.main

allow if {
	count(input.resource.assigned_to) > 0
}
