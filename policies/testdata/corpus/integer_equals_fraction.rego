# equal
# type: account
# oracle: empty
# An integer equals no fraction.
package reseller.main

allow if {
	input.resource.depth == 1.5
}
