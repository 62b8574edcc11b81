# refused: a set as a whole can only be compared with [] in a filter
# A set compared as a whole.
package reseller.main

allow if {
	input.resource.assigned_to == ["acc_r1"]
}
