# refused: startswith matches something other than texts
# A call that cannot succeed, and errs.
package reseller.main

allow if {
	not startswith(input.resource.name, input.subject.account.depth)
}
