# refused: object.get over the row in rule data.reseller.main.allow
# Object.get on the row.
package reseller.main

allow if {
	object.get(input.resource, "name", "a") == "a"
}
