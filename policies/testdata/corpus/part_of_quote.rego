# equal
# A part that a literal would end at.
package reseller.main

allow if {
	contains(input.resource.name, "'")
}
