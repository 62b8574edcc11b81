# equal
# An absent column equals nothing.
package reseller.main

allow if {
	input.resource.name == "a"
}
