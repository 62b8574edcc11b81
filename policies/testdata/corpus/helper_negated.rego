# equal
# Negation of a helper with alternatives.
package reseller.main

odd if input.resource.name == "a"

odd if not input.resource.public_name

allow if {
	not odd
}
