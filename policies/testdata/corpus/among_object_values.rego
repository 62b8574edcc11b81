# equal
# The values of an object.
package reseller.main

allow if {
	input.resource.name in {"k": "a", "l": "A"}
}
