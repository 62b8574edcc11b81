# refused: rule data.reseller.main.place has several definitions whose values may conflict
# Values of the request that may conflict.
package reseller.main

place := "in" if input.context.client_ip == "10.1.2.3"

place := "out" if input.context.panel == "one-two"

allow if {
	place == "in"
	input.resource.kind == "customer"
}
