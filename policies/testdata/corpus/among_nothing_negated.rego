# equal
# oracle: total
# Nothing is among nothing.
package reseller.main

allow if {
	not input.resource.name in []
}
