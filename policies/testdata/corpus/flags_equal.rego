# equal
# type: widget
# Two flags.
package reseller.main

allow if {
	input.resource.flag == input.resource.other
}
