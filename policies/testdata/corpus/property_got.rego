# equal
# Properties of the request with a default.
package reseller.main

allow if {
	label := object.get(input.resource, ["properties", "label"], "")
	label != "a"
	input.resource.kind == "customer"
}

allow if input.resource.name == object.get(input.action, ["properties", "label"], "a")

allow if not object.get(input.action, ["properties", "account_id"], "") == input.resource.account_id
