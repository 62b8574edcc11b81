# equal
# no element differs.
package reseller.main

allow if {
	input.resource.kind == "customer"
	not foreign
}

foreign if {
	some x in input.resource.assigned_to
	x != input.subject.account.id
}
