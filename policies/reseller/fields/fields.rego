# METADATA
# title: Fields of a write
# description: Which fields a change may touch. Without a change nothing is refused.
package reseller.fields

# METADATA
# title: The change touches a field that cannot be written
# scope: document
refused if {
	input.action.name == "update"
	some field in input.action.change.fields
	fixed(field)
}

refused if {
	input.action.name == "update"
	own_profile
	some field in input.action.change.fields
	not field in {"name", "public_name", "email"}
}

# METADATA
# title: Field not writable
# description: >-
#   The field is fixed when the row is created, or only users of an account above can
#   change it: ceiling, status, currency and external id of the user's own account.
# custom:
#   code: column_not_writable
reasons contains rego.metadata.rule().custom.code if refused

# A customer's owner is fixed too, but it has its own reason.
fixed(field) if {
	field in {"id", "account_id", "tenant_id", "parent_id", "kind", "depth", "user_id"}
	not customer_owner(field)
}

customer_owner("account_id") if input.resource.type == "customer"

own_profile if {
	input.resource.type == "account"
	input.resource.id == input.subject.account.id
}
