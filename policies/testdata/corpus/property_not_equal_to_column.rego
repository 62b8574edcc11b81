# equal
# And are not equal.
package reseller.main

allow if {
	not input.resource.public_name == input.subject.properties.label
}
