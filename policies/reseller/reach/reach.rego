# METADATA
# title: Reach
# description: >-
#   Which owner accounts lie within the acting user's reach: the whole tenant
#   for a master, the account's own subtree for a reseller.
package reseller.reach

import data.reseller.subject

# METADATA
# title: The row's owner is within reach
# scope: document
owner if tenant

owner if subtree

# METADATA
# title: The row belongs to the master's tenant
# description: A row about to be created has no tenant yet; its owner must be in the tree.
# scope: document
tenant if {
	subject.is_master
	input.action.name != "create"
	input.resource.tenant_id == input.subject.account.tenant_id
}

tenant if {
	subject.is_master
	input.action.name == "create"
	input.resource.account_id in input.subject.below
}

# METADATA
# title: The row belongs to the reseller's account or to one below it
subtree if {
	subject.is_reseller
	input.resource.account_id in input.subject.below
}
