# refused: rule data.reseller.main.view cannot be carried into a filter
# Else in a view is told by full evaluations.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
}

view := "own" if input.resource.account_id == input.subject.account.id

else := "below"
