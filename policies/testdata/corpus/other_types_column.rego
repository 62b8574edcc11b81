# equal
# A column that only other types have.
package reseller.main

allow if {
	not input.resource.lend == "all"
	input.resource.kind == "customer"
}
