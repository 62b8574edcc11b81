# equal
# And an error is no denial of it.
package reseller.main

allow if {
	not startswith(input.resource.name, input.subject.properties.label)
}
