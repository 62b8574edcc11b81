# refused: whether a set has elements cannot be carried into a filter
# Whether a set has elements.
package reseller.main

allow if {
	_ = input.resource.assigned_to[_]
}
