# equal
# oracle: total
# And its negation holds for all.
package reseller.main

allow if {
	not input.resource.public_name == 1
}
