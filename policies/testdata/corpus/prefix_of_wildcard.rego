# equal
# A prefix that LIKE would read as a pattern.
package reseller.main

allow if {
	startswith(input.resource.name, "%")
}
