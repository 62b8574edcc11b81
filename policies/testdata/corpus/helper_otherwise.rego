# refused: else in rule data.reseller.main.odd depends on the row
# Else on the row in a helper.
package reseller.main

odd if input.resource.kind == "customer"

else := false if input.resource.name == "a"

allow if {
	odd
}
