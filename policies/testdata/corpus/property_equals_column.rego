# equal
# A property of any type against a text.
package reseller.main

allow if {
	input.resource.name == input.subject.properties.label
}
