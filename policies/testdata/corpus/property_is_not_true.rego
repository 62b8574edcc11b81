# equal
# A property that is false or absent.
package reseller.main

allow if {
	not input.subject.properties.label
	input.resource.kind == "customer"
}
