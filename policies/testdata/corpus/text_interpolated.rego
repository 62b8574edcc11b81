# refused: internal.template_string on the row in rule data.reseller.main.allow: a filter cannot carry it
# A template string with a column.
package reseller.main

allow if {
	$"{input.resource.name}!" == "a!"
}
