# equal
# oracle: total
# A set is always there, if only empty.
package reseller.main

allow if {
	input.resource.assigned_to
}
