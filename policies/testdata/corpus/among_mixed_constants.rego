# equal
# Elements of other types equal no text.
package reseller.main

allow if {
	input.resource.name in ["a", 1, true, null, ["a"]]
}
