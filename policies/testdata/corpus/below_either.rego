# equal
# Two columns and the subtree.
package reseller.main

allow if {
	input.resource.tenant_id in input.subject.below
}

allow if {
	input.resource.account_id in input.subject.below
	input.resource.kind == "customer"
}
