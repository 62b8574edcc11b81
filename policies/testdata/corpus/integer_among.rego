# equal
# type: account
# Numbers however they are written.
package reseller.main

allow if {
	input.resource.depth in [1, 2.0, "0", null]
}
