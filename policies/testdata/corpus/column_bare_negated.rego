# equal
# A column that is not there.
package reseller.main

allow if {
	not input.resource.public_name
}
