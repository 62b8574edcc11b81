# equal
# The subject's tenant.
package reseller.main

allow if {
	input.resource.tenant_id == input.subject.account.tenant_id
}
