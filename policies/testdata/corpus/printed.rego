# equal
# Printing changes nothing.
package reseller.main

allow if {
	print(input.resource.name)
	input.resource.name != "a"
}
