# equal
# type: account
# Not that number.
package reseller.main

allow if {
	input.resource.depth != 1
}
