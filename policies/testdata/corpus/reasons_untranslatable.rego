# equal
# Reasons that only a full evaluation can tell.
package reseller.main

allow if {
	input.resource.kind == "customer"
}

reasons contains "long" if count(input.resource.name) > 3
