# refused: input.resource.acount_id: no resource type has this column
# A misspelt column.
package reseller.main

allow if {
	input.resource.acount_id == "a"
}
