# equal
# Reasons from the negation of allow.
package reseller.main

allow if {
	input.resource.account_id in input.subject.below
	input.resource.kind == "customer"
}

reasons contains "hidden" if not input.resource.account_id in input.subject.below

reasons contains "kind" if {
	not allow
	not input.resource.kind == "customer"
}
