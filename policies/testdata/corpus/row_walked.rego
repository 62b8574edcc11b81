# refused: walk over the row in rule data.reseller.main.allow
# The row walked through.
package reseller.main

allow if {
	walk(input.resource, [_, "a"])
}
