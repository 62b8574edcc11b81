# equal
# type: account
# More than.
package reseller.main

allow if {
	input.resource.depth > 0
}
