# refused: rule data.reseller.main.owners depends on the row and may yield something other than true
# An object made of the row.
package reseller.main

owners[key] := true if key := input.resource.account_id

allow if {
	owners[input.subject.account.id]
}
