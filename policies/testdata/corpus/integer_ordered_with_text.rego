# refused: lt orders something other than texts or integers
# type: account
# Rego orders numbers before texts.
package reseller.main

allow if {
	input.resource.depth < "1"
}
