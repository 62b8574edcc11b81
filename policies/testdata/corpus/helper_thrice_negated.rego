# equal
# And once more.
package reseller.main

a1 if not a2

a2 if not a3

a3 if {
	input.resource.name == "a"
	input.resource.kind == "customer"
}

a3 if input.resource.public_name

allow if {
	not a1
}
