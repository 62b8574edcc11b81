# equal
# A view for all the others.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
}

default view := "other"

view := "own" if input.resource.account_id == input.subject.account.id
