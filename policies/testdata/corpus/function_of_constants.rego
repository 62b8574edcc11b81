# equal
# A negated function over known values.
package reseller.main

odd(x) if x == input.resource.name

odd(x) if x in input.resource.assigned_to

allow if {
	some x in ["a"]
	not odd(x)
}
