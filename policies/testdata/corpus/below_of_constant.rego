# refused: input.subject.below can only be asked for columns and properties that name an account
# The subtree asked for a constant.
package reseller.main

allow if {
	"acc_r1" in input.subject.below
	input.resource.kind == "customer"
}
