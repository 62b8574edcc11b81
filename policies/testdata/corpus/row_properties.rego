# equal
# A property of the request is no column.
package reseller.main

allow if {
	input.resource.properties.label == "a"
}

allow if {
	input.resource.kind == "provider"
}
