# equal
# The user's own values are bound late.
package reseller.main

allow if {
	input.resource.external_id == input.subject.user.external_id
}
