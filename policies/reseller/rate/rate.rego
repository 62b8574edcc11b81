# METADATA
# title: Rates
# description: >-
#   Rates of a card's active revision. They are decided through their card, and
#   shown in the card's view: to those it is assigned to, as what it costs them.
package reseller.rate

# METADATA
# title: Columns of a rate
columns contains column if {
	some column in ["prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"]
}
