# METADATA
# title: Acting user
# description: >-
#   Who acts, and whether they may act at all. Everything is denied to a user
#   the store does not know, whatever the request says about them.
package reseller.subject

import data.reseller.address

# METADATA
# title: The user may act
# description: Known, active, in an active account, in a group, from an allowed address.
admitted if {
	known
	active
	account_active
	grouped
	not address.refused
}

# METADATA
# title: The user belongs to a master account
is_master if input.subject.account.kind == "master"

# METADATA
# title: The user belongs to a reseller account
is_reseller if input.subject.account.kind == "reseller"

# METADATA
# title: Unknown user
# description: The store does not know the user, or knows several users with this id.
# custom:
#   code: unknown_user
reasons contains rego.metadata.rule().custom.code if not known

# METADATA
# title: User disabled
# description: The acting user is not active.
# custom:
#   code: user_disabled
reasons contains rego.metadata.rule().custom.code if {
	known
	not active
}

# METADATA
# title: Account suspended
# description: The user's account, or one above it, is suspended or closed.
# custom:
#   code: account_suspended
reasons contains rego.metadata.rule().custom.code if {
	known
	not account_active
}

# METADATA
# title: No group
# description: The user is in no group, so it has no access.
# custom:
#   code: no_group
reasons contains rego.metadata.rule().custom.code if {
	known
	not grouped
}

reasons contains code if {
	known
	some code in address.reasons
}

known if {
	input.subject.type == "user"
	input.subject.account.kind in {"master", "reseller"}
}

active if input.subject.user.status == "active"

account_active if input.subject.account.status == "active"

grouped if input.subject.groups != []
