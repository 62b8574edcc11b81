# equal
# type: widget
# False among constants.
package reseller.main

allow if {
	input.resource.flag in [false, 0]
}
