# equal
# Access is known, through a comprehension.
package reseller.main

letters := {l | some l in input.subject.access["*"]}

allow if {
	count(letters) > 2
	input.resource.kind == "customer"
}
