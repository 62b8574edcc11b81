# refused: input.resource[…] in rule data.reseller.main.allow: name the column
# A column that the request names.
package reseller.main

allow if {
	input.resource[input.context.panel] == "a"
}
