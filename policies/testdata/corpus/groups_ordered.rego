# refused: input.subject.groups in rule data.reseller.main.allow is a list of groups: write count(input.subject.groups)
# The number of groups, compared with a limit of the data.
package reseller.main

allow if {
	input.subject.groups > data.limits.max_depth
	input.resource.kind == "customer"
}
