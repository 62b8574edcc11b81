# equal
# A view that another rule names.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
}

relation := "own" if input.resource.account_id == input.subject.account.id

relation := "below" if not input.resource.account_id == input.subject.account.id

view := shown if shown := relation
