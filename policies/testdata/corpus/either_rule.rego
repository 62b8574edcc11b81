# equal
# Alternatives over different columns.
package reseller.main

allow if {
	input.resource.name == "a"
}

allow if {
	input.resource.public_name == "a"
}

allow if {
	input.resource.currency == "EUR"
}
