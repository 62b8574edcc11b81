# equal
# Assigning a column asks that it is there.
package reseller.main

allow if {
	_ = input.resource.public_name
}
