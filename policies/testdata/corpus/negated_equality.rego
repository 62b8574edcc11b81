# equal
# The negation of an equality holds for an absent column.
package reseller.main

allow if {
	not input.resource.public_name == "a"
}
