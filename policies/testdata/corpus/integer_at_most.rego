# equal
# type: account
# At most, sides swapped.
package reseller.main

allow if {
	1 >= input.resource.depth
}
