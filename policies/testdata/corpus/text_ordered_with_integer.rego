# refused: gt orders something other than texts or integers
# And texts after numbers.
package reseller.main

allow if {
	input.resource.name > 1
}
