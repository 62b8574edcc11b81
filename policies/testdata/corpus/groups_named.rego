# equal
# The groups of the subject, with their templates.
package reseller.main

allow if {
	some group in input.subject.groups
	group.template == "a"
	input.resource.kind == "customer"
}

allow if {
	some group in input.subject.groups
	group.id == "grp_2"
	input.resource.currency != input.subject.groups[_].template
}

allow if {
	input.subject.groups == []
	input.resource.name == "a"
}

allow if {
	input.subject.groups != []
	input.resource.carrier in {"a", "b"}
}
