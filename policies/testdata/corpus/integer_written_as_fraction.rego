# equal
# type: account
# 1.0 is 1.
package reseller.main

allow if {
	input.resource.depth == 1.0
}
