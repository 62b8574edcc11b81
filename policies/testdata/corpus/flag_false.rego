# equal
# type: widget
# False and there.
package reseller.main

allow if {
	input.resource.flag == false
}
