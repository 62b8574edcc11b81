# refused: split on the row in rule data.reseller.main.allow: a filter cannot carry it
# Split on a column.
package reseller.main

allow if {
	split(input.resource.name, "-")[0] == "a"
}
