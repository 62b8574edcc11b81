# equal
# Absent on one side is not equal.
package reseller.main

allow if {
	not input.resource.name == input.resource.public_name
}
