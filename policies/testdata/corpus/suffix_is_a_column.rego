# equal
# One column ends with another.
package reseller.main

allow if {
	endswith(input.resource.name, input.resource.public_name)
}
