# equal
# Other types differ.
package reseller.main

allow if {
	input.resource.name != input.subject.properties.label
}
