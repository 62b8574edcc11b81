# equal
# And then nothing is in it.
package reseller.main

allow if {
	not "a" in [input.resource.name, input.resource.public_name]
}
