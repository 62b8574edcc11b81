# equal
# Order is bytewise beyond ASCII too.
package reseller.main

allow if {
	input.resource.name >= "ä"
}
