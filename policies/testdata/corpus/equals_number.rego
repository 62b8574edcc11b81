# equal
# oracle: empty
# A text equals no number.
package reseller.main

allow if {
	input.resource.name == 1
}
