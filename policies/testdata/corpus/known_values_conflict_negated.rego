# equal
# Two values under a negation.
package reseller.main

mark := "a" if input.action.name == "read"

mark := "b" if input.subject.groups == 2

allow if {
	not input.resource.name == mark
}
