# METADATA
# title: Types of resources
# description: >-
#   resellerd's own types, and the rows of a panel, which have any other type.
package reseller.types

# METADATA
# title: The folder of reseller/resource that decides about the resource
# description: >-
#   That of its type; rows of any other type are those of a panel. Nothing decides
#   about a resource without a type.
# scope: document
kind := input.resource.type if input.resource.type in own

kind := "panel" if not input.resource.type in own

own := {
	"account", "area", "audit", "card", "customer",
	"group", "rate", "revision", "user", "webhook",
}
