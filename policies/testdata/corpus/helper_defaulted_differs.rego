# equal
# Comparing with true.
package reseller.main

default odd := false

odd if input.resource.public_name == "a"

allow if {
	odd != true
}
