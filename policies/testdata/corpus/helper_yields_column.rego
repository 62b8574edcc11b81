# refused: rule data.reseller.main.owner depends on the row and may yield something other than true
# A helper that passes a column on.
package reseller.main

owner := input.resource.account_id

allow if {
	owner == input.subject.account.id
}
