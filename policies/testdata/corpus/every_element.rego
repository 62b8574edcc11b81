# refused: every over the row in rule data.reseller.main.allow
# Every over a set column.
package reseller.main

allow if {
	every x in input.resource.assigned_to { x != "acc_r1" }
}
