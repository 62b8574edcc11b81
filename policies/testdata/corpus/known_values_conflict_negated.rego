# equal
# Two values under a negation.
package reseller.main

mark := "a" if input.action.name == "read"

mark := "b" if input.subject.account.depth == 1

allow if {
	not input.resource.name == mark
}
