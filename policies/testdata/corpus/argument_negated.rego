# equal
# An argument that only a negation uses must be there.
package reseller.main

other(x) if not x == "a"

allow if {
	other(input.resource.public_name)
}
