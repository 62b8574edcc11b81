# refused: regex.match on the row in rule data.reseller.main.allow: a filter cannot carry it
# A regular expression on a column.
package reseller.main

allow if {
	regex.match("^a", input.resource.name)
}
