# equal
# type: account
# 1e0 is 1.
package reseller.main

allow if {
	input.resource.depth == 1e0
}
