# equal
# Sides swapped.
package reseller.main

allow if {
	"a" == input.resource.name
}
