# equal
# type: account
# Not more than.
package reseller.main

allow if {
	not input.resource.depth > 1
}
