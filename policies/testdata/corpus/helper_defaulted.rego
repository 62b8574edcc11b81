# equal
# A helper with a default of false.
package reseller.main

default odd := false

odd if input.resource.public_name == "a"

allow if {
	odd
}
