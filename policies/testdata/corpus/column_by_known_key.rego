# refused: input.resource[…] in rule data.reseller.main.allow: name the column
# A key that a variable holds, though a constant.
package reseller.main

allow if {
	key := "name"
	input.resource[key] == "a"
}
