# refused: http.send is not available to policies
# No network.
package reseller.main

allow if {
	http.send({"method": "get", "url": "http://localhost"}).status_code == 200
	input.resource.kind == "customer"
}
