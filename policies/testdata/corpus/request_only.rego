# equal
# No row at all.
package reseller.main

allow if {
	input.context.panel == "one-two"
}
