# equal
# Both sides must be there.
package reseller.main

allow if {
	not input.resource.public_name < input.resource.carrier
}
