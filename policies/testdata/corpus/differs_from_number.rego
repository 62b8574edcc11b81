# equal
# A text that is there differs from a number.
package reseller.main

allow if {
	input.resource.public_name != 1
}
