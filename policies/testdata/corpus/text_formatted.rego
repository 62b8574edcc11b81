# refused: sprintf on the row in rule data.reseller.main.allow: a filter cannot carry it
# Sprintf on a column.
package reseller.main

allow if {
	sprintf("%s!", [input.resource.name]) == "a!"
}
