# equal
# A list of the user's own.
package reseller.main

allow if {
	input.resource.currency in input.subject.user.currencies
}
