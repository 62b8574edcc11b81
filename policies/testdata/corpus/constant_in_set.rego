# equal
# A constant in a set column.
package reseller.main

allow if {
	"acc_r1" in input.resource.assigned_to
}
