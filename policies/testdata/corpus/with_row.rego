# refused: with in rule data.reseller.main.allow, which depends on the row
# With on a rule that reads the row.
package reseller.main

odd if input.resource.name == "a"

allow if {
	odd with input.resource.name as "a"
}
