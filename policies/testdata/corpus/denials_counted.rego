# refused: rule data.reseller.main.denials depends on the row and may yield something other than true
# Denials counted.
package reseller.main

denials contains "a" if input.resource.name == "a"

allow if {
	count(denials) == 0
}
