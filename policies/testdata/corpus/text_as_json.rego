# refused: json.unmarshal on the row in rule data.reseller.main.allow: a filter cannot carry it
# Json.unmarshal errs on most texts.
package reseller.main

allow if {
	json.unmarshal(input.resource.name).a == 1
}
