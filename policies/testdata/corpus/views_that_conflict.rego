# equal
# Two views for one row deny it.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
}

view := "kind" if input.resource.kind == "customer"

view := "own" if input.resource.account_id == input.subject.account.id

columns contains "id"
