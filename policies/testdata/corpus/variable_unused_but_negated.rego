# equal
# A variable of no use beside a negation of the same.
package reseller.main

allow if {
	not input.resource.public_name == "a"
	_ = input.resource.public_name
}
