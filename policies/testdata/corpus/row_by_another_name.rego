# equal
# The row as a variable.
package reseller.main

allow if {
	row := input.resource
	row.kind == "customer"
	not row.public_name == "a"
}
