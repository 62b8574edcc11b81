# equal
# Not both.
package reseller.main

both if {
	input.resource.kind == "customer"
	input.resource.currency == "EUR"
}

allow if {
	not both
}
