# equal
# And so do these.
package reseller.main

allow if {
	input.resource.name == "a\u0308"
}
