# refused: lt orders something other than texts or integers
# type: account
# Order with a fraction.
package reseller.main

allow if {
	input.resource.depth < 1.5
}
