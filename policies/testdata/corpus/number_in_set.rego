# equal
# oracle: empty
# A number is in no set of texts.
package reseller.main

allow if {
	1 in input.resource.assigned_to
}
