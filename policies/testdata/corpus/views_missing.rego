# equal
# Rows without a view.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
}

view := "kind" if input.resource.kind == "customer"

columns contains "id" if input.resource.kind == "customer"
