# equal
# type: widget
# A flag against a property.
package reseller.main

allow if {
	input.resource.flag == input.subject.properties.label
}
