# refused: to_number on the row in rule data.reseller.main.allow: a filter cannot carry it
# To_number errs on most texts.
package reseller.main

allow if {
	to_number(input.resource.name) > 1
}
