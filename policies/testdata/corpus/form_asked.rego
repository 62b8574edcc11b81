# equal
# The form of the request.
package reseller.main

allow if {
	input.action.properties.form == "page"
	input.resource.kind == "customer"
}

allow if {
	object.get(input.action, ["properties", "form"], "one") != "export"
	input.resource.name == "a"
}
