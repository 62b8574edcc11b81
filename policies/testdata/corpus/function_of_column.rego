# equal
# A function that is given a column.
package reseller.main

odd(x) if x == "a"

odd(x) if x == input.resource.public_name

allow if {
	odd(input.resource.name)
}
