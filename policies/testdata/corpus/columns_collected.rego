# refused: comprehension over the row in rule data.reseller.main.allow
# A comprehension with a column in it.
package reseller.main

allow if {
	found := [x | some x in ["a", "b"]
	x == input.resource.name]
	count(found) == 1
}
