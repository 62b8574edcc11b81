# refused: rule data.reseller.main.allow depends on the row and may yield something other than true
# Allow that is a column's value.
package reseller.main

allow := input.resource.name
