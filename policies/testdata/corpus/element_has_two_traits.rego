# equal
# element has two traits.
package reseller.main

allow if {
	input.resource.kind == "customer"
	some x in input.resource.assigned_to
	startswith(x, "acc_")
	x != input.subject.account.id
}
