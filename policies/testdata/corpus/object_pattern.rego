# equal
# Columns through an object pattern.
package reseller.main

allow if {
	{"n": input.resource.name} == {"n": "a"}
}
