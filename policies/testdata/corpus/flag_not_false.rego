# equal
# type: widget
# True or absent.
package reseller.main

allow if {
	not input.resource.flag == false
}
