# equal
# set not empty negated.
package reseller.main

allow if {
	input.resource.kind == "customer"
	not input.resource.assigned_to == []
}
