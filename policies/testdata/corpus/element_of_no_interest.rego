# equal
# Whether a set has elements.
package reseller.main

allow if {
	_ = input.resource.assigned_to[_]
}
