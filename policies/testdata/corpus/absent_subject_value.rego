# equal
# A value that no subject has.
package reseller.main

allow if {
	not input.subject.nothing.at.all
	input.resource.kind == "customer"
}
