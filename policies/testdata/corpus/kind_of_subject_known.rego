# equal
# What is known disappears.
package reseller.main

allow if {
	input.subject.account.kind == "master"
	input.resource.kind == "provider"
}

allow if {
	input.subject.account.kind == "reseller"
	input.resource.kind == "customer"
}
