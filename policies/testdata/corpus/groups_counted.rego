# equal
# The number of groups is known.
package reseller.main

allow if {
	input.subject.groups > 1
	input.resource.kind == "customer"
}

allow if {
	input.subject.groups == 1
	input.resource.kind == "provider"
}
