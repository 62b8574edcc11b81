# equal
# Every text starts with the empty one, an absent one does not.
package reseller.main

allow if {
	startswith(input.resource.public_name, "")
}
