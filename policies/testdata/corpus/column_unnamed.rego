# refused: input.resource[…] in rule data.reseller.main.allow: name the column
# A column that a variable names.
package reseller.main

allow if {
	some key
	input.resource[key] == "a"
}
