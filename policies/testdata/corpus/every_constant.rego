# refused: every over the row in rule data.reseller.main.allow
# Every with a column in it.
package reseller.main

allow if {
	every x in ["a", "b"] {
		x != input.resource.name
	}
}
