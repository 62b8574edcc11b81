# equal
# set equals empty set.
package reseller.main

allow if {
	input.resource.kind == "customer"
	not input.resource.assigned_to == set()
}
