# refused: rule data.reseller.main.owners depends on the row and may yield something other than true
# A set made of the row.
package reseller.main

owners contains input.resource.account_id

allow if {
	input.subject.account.id in owners
}
