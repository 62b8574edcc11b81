# equal
# A list that the request sends.
package reseller.main

allow if {
	input.resource.name in input.subject.properties.labels
}
