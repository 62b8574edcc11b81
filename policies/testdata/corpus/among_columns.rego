# equal
# A list with columns in it is absent when one of them is.
package reseller.main

allow if {
	"a" in [input.resource.name, input.resource.public_name]
}
