# equal
# Else that touches no row.
package reseller.main

office if input.context.panel == "one-two"

else if input.context.client_ip == "10.1.2.3"

allow if {
	office
	input.resource.kind == "customer"
}
