# refused: rand.intn is not available to policies
# No chance.
package reseller.main

allow if {
	rand.intn("a", 2) == 1
	input.resource.kind == "customer"
}
