# refused: comprehension over the row in rule data.reseller.main.others
# A comprehension over a set column.
package reseller.main

others := {x | some x in input.resource.assigned_to}

allow if {
	"acc_r1" in others
}
