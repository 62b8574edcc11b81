# equal
# Two bounds.
package reseller.main

allow if {
	"A" < input.resource.name
	input.resource.name <= "b"
}
