# equal
# A view for each relation.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
}

view := "own" if input.resource.account_id == input.subject.account.id

view := "below" if not input.resource.account_id == input.subject.account.id

columns contains column if some column in ["id", "name"]

columns contains "notes" if view == "own"
