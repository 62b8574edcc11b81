# equal
# type: widget
# Assigning false succeeds.
package reseller.main

allow if {
	_ = input.resource.flag
}
