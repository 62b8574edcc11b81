# equal
# Comparing the default.
package reseller.main

default odd := false

odd if input.resource.public_name == "a"

allow if {
	odd == false
}
