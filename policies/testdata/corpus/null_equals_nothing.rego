# equal
# oracle: empty
# A stored NULL is absent, not null.
package reseller.main

allow if {
	input.resource.public_name == null
}
