package reseller.resource.group

import data.reseller.reach
import data.reseller.subject

# METADATA
# title: How a group is shown
# scope: document
view := "full" if whole

view := "lent" if {
	subject.is_reseller
	not reach.subtree
}

# METADATA
# title: Columns of a group
# description: A lent group shows its public name and its access, not who made it, when or for whom.
# scope: document
columns contains column if some column in ["id", "name", "default_access", "rows"]

columns contains column if {
	whole
	some column in ["account_id", "public_name", "lend_to", "template", "external_id", "created_at", "updated_at"]
}

whole if subject.is_master

whole if reach.subtree
