# equal
# set empty.
package reseller.main

allow if {
	input.resource.kind == "customer"
	input.resource.assigned_to == []
}
