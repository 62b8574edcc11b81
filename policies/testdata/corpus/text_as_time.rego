# refused: time.parse_rfc3339_ns on the row in rule data.reseller.main.allow: a filter cannot carry it
# Time.parse_rfc3339_ns errs on most texts.
package reseller.main

allow if {
	time.parse_rfc3339_ns(input.resource.name) > 1
}
