# equal
# Its negation.
package reseller.main

odd(x) if x == "a"

odd(x) if x == input.resource.public_name

allow if {
	not odd(input.resource.name)
}
