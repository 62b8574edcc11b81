# equal
# An order that depends on the property's type.
package reseller.main

allow if {
	input.resource.name < input.subject.properties.label
}
