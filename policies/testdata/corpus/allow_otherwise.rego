# refused: else in rule data.reseller.main.allow depends on the row
# Else on the row.
package reseller.main

allow if {
	input.resource.kind == "customer"
} else if {
	input.resource.name == "a"
}
