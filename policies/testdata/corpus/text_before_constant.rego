# equal
# Order is bytewise.
package reseller.main

allow if {
	input.resource.name < "a"
}
