# equal
# Composed and decomposed letters differ.
package reseller.main

allow if {
	input.resource.name == "\u00e4"
}
