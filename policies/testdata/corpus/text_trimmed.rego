# refused: trim_space on the row in rule data.reseller.main.allow: a filter cannot carry it
# Trim on a column, through a variable.
package reseller.main

allow if {
	x := input.resource.name
	trim_space(x) == "a"
}
