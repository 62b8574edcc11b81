# equal
# A part that LIKE would read as an escape.
package reseller.main

allow if {
	contains(input.resource.name, "\\")
}
