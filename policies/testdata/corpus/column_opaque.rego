# refused: input.resource.notes cannot be read by a filter
# A column that no filter reads.
package reseller.main

allow if {
	input.resource.notes == "a"
}
