# equal
# False is as good as undefined.
package reseller.main

default odd := false

odd if input.resource.public_name == "a"

allow if {
	not odd
}
