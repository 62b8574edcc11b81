# equal
# Two values of the request that differ.
package reseller.main

allow if {
	input.subject.properties.label != input.action.properties.label
	input.resource.kind == "customer"
}
