# refused: startswith matches something other than texts
# type: account
# Startswith errs on a number.
package reseller.main

allow if {
	startswith(input.resource.depth, "1")
}
