# refused: concat on the row in rule data.reseller.main.allow: a filter cannot carry it
# Concat on a column.
package reseller.main

allow if {
	concat("-", [input.resource.name, "x"]) == "a-x"
}
