# refused: lt orders something other than texts or integers
# type: widget
# Rego orders booleans, too.
package reseller.main

allow if {
	input.resource.flag < true
}
