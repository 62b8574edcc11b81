# refused: lower on the row in rule data.reseller.main.allow: a filter cannot carry it
# Lower on a column.
package reseller.main

allow if {
	lower(input.resource.name) == "a"
}
