# equal
# The number of groups is known.
package reseller.main

allow if {
	count(input.subject.groups) > 1
	input.resource.kind == "customer"
}

allow if {
	count(input.subject.groups) == 1
	input.resource.kind == "provider"
}
