# equal
# Two columns in order.
package reseller.main

allow if {
	input.resource.public_name < input.resource.name
}
