# equal
# A table keyed by a column.
package reseller.main

letters := {"provider": "p", "customer": "c"}

allow if {
	letters[input.resource.kind] == "p"
}
