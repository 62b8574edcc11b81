# refused: input.subject.below can only be asked for columns and properties that name an account
# The subtree asked for what names no account.
package reseller.main

allow if {
	input.resource.name in input.subject.below
}
