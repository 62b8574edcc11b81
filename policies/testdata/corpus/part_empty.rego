# equal
# Every text contains the empty one.
package reseller.main

allow if {
	contains(input.resource.public_name, "")
}
