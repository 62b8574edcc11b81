# refused: rule data.reseller.main.allow depends on the row and may yield something other than true
# Allow that is true and false.
package reseller.main

allow if input.resource.kind == "customer"

allow := false if input.resource.name == "a"
