# equal
# type: widget
# The same through a variable.
package reseller.main

allow if {
	x := input.resource.flag
	x == input.resource.other
}
