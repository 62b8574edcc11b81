# equal
# A property that is there and not false.
package reseller.main

allow if {
	input.subject.properties.label
	input.resource.kind == "customer"
}
