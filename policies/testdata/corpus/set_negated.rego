# equal
# oracle: empty
# And never absent.
package reseller.main

allow if {
	not input.resource.assigned_to
}
