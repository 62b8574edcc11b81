# equal
# type: account
# oracle: empty
# A number equals no text.
package reseller.main

allow if {
	input.resource.depth == "1"
}
