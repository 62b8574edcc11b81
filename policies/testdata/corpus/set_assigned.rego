# equal
# By another name.
package reseller.main

allow if {
	x := input.resource.assigned_to
	"acc_r1" in x
}
