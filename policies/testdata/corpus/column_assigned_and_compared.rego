# equal
# Through a variable.
package reseller.main

allow if {
	x := input.resource.public_name
	x != "a"
	x != "A"
}
