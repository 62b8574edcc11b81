# refused: object.keys over the row in rule data.reseller.main.allow
# The row's keys.
package reseller.main

allow if {
	"name" in object.keys(input.resource)
}
