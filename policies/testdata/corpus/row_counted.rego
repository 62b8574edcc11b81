# refused: count over the row in rule data.reseller.main.allow
# The row's size.
package reseller.main

allow if {
	count(input.resource) > 3
}
