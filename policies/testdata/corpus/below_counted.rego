# refused: input.subject.below in rule data.reseller.main.allow: only membership can be asked, with in
# The size of the subtree.
package reseller.main

allow if {
	count(input.subject.below) > 1
	input.resource.kind == "customer"
}
