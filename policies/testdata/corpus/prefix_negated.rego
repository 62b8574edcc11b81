# equal
# Absent does not start with anything.
package reseller.main

allow if {
	not startswith(input.resource.public_name, "a")
}
