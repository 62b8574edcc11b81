# METADATA
# title: Accounts
# description: >-
#   A master sees every account of its tenant, a reseller its own and those below.
#   What lies above is never a row: a reseller only reads its provider's public name.
package reseller.resource.account

import data.reseller.actions
import data.reseller.areas
import data.reseller.delegation
import data.reseller.fields
import data.reseller.subject

# METADATA
# title: The account may be acted on
allow if {
	visible
	permitted
	fits
	not delegation.refused
	not fields.refused
}

# METADATA
# title: The user may read accounts at all
readable if areas.permits("account", "read")

# METADATA
# title: The account is visible
# scope: document
visible if {
	readable
	subject.is_master
	input.action.name != "create"
	input.resource.tenant_id == input.subject.account.tenant_id
}

visible if {
	readable
	subject.is_reseller
	input.action.name != "create"
	input.resource.id in input.subject.below
}

# A new account needs a parent account within reach. Nobody creates a master.
visible if {
	readable
	input.action.name == "create"
	input.resource.parent_id in input.subject.below
	not input.resource.kind == "master"
}

# METADATA
# title: The account is not visible to a user who may read accounts
hidden if {
	readable
	not visible
}

# METADATA
# title: The user lacks access to accounts
# scope: document
barred if not readable

barred if {
	visible
	not permitted
}

# METADATA
# title: Too deep
# description: The account tree would become deeper than data.limits.max_depth allows.
# scope: rule
# custom:
#   code: max_depth
reasons contains rego.metadata.rule().custom.code if not fits

reasons contains code if some code in delegation.reasons

reasons contains code if some code in fields.reasons

permitted if {
	input.action.name != "open"
	actions.permitted("account")
}

# A row for accounts covers opening, unless a group has a narrower one.
permitted if {
	input.action.name == "open"
	actions.permitted("account/opening")
}

own if input.resource.id == input.subject.account.id

fits if input.action.name != "create"

fits if {
	input.action.name == "create"
	input.resource.depth <= data.limits.max_depth
}
