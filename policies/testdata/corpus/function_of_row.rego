# equal
# A function that is given the row.
package reseller.main

owned(row) if row.account_id == input.subject.account.id

owned(row) if row.kind == "provider"

allow if {
	owned(input.resource)
}
