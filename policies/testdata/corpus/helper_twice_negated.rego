# equal
# Negation of a negation.
package reseller.main

plain if not odd

odd if input.resource.public_name == "a"

odd if input.resource.name == "a"

allow if {
	not plain
}
