# equal
# An absent column is not before anything.
package reseller.main

allow if {
	not input.resource.public_name < "b"
}
