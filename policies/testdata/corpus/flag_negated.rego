# equal
# type: widget
# False or absent.
package reseller.main

allow if {
	not input.resource.flag
}
