# equal
# type: widget
# There and not false.
package reseller.main

allow if {
	input.resource.flag
}
