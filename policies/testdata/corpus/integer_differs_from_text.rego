# equal
# type: account
# oracle: total
# And differs from all.
package reseller.main

allow if {
	input.resource.depth != "1"
}
