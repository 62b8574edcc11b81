# equal
# Object.get on the row.
package reseller.main

allow if {
	object.get(input.resource, "name", "a") == "a"
}

allow if {
	name := object.get(input.resource, "public_name", "none")
	not object.get(input.resource, "carrier", "none") == name
	not name == "a"
}

allow if not startswith(object.get(input.resource, "public_name", "b"), "a")
