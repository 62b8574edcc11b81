# equal
# And its negation.
package reseller.main

allow if {
	not input.resource.name in input.subject.properties.labels
}
