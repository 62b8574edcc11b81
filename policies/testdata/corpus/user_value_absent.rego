# equal
# And may be absent.
package reseller.main

allow if {
	not input.resource.external_id == input.subject.user.external_id
}
