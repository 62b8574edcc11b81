# equal
# oracle: empty
# The same on a value of the request.
package reseller.main

allow if {
	not regex.match(input.subject.account.depth, input.context.panel)
	input.resource.kind == "customer"
}
