# refused: count over the row in rule data.reseller.main.allow
# The length of a text.
package reseller.main

allow if {
	count(input.resource.name) > 3
}
