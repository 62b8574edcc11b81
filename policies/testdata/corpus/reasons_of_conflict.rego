# equal
# Values that conflict on the way to a reason.
package reseller.main

allow if {
	input.resource.kind == "customer"
}

relation := "own" if input.resource.account_id == input.subject.account.id

relation := "kind" if input.resource.kind == "provider"

reasons contains relation
