# equal
# type: widget
# A variable holding a flag.
package reseller.main

allow if {
	x := input.resource.flag
	x
}
