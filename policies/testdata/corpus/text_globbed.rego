# refused: glob.match on the row in rule data.reseller.main.allow: a filter cannot carry it
# A glob on a column.
package reseller.main

allow if {
	glob.match("a*", [], input.resource.name)
}
