# equal
# type: widget
# Asked through a helper.
package reseller.main

known if {
	_ = input.resource.flag
}

allow if {
	not known
}
