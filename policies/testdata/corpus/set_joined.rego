# refused: array.concat over the row in rule data.reseller.main.allow
# A union with a set column.
package reseller.main

allow if {
	s := {x | some x in ["a"]} | {"b"}
	t := input.resource.assigned_to
	array.concat(["a"], t) == ["a"]
	count(s) == 2
}
