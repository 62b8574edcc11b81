# equal
# type: widget
# False and there, put differently.
package reseller.main

allow if {
	input.resource.flag != true
}
