# equal
# The subject as a variable.
package reseller.main

allow if {
	who := input.subject
	who.account.kind == "reseller"
	who.account.id == input.resource.account_id
}
