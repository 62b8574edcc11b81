# equal
# A suffix that LIKE would read as a pattern.
package reseller.main

allow if {
	endswith(input.resource.name, "_")
}
