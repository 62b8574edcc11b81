# equal
# LIKE in SQLite ignores case.
package reseller.main

allow if {
	contains(input.resource.name, "STRASSE")
}
