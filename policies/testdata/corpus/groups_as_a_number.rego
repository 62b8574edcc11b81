# refused: input.subject.groups in rule data.reseller.main.allow is a list of groups: write count(input.subject.groups)
# The number of groups, as earlier releases gave it.
package reseller.main

allow if {
	input.subject.groups > 0
	input.resource.kind == "customer"
}
