# equal
# Membership in constants.
package reseller.main

allow if {
	input.resource.name in {"a", "%", "_"}
}
