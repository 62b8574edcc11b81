# equal
# What the action is.
package reseller.main

allow if {
	input.action.name == "read"
	input.resource.kind == "customer"
}
