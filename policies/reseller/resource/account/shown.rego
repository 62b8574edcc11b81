package reseller.resource.account

import data.reseller.subject

# METADATA
# title: How an account is shown
# description: To those it lies below in full, to its own users as their company profile.
# scope: document
view := "full" if subject.is_master

view := "full" if {
	subject.is_reseller
	not own
}

view := "own" if {
	subject.is_reseller
	own
}

# METADATA
# title: Columns of an account
# scope: document
columns contains column if {
	some column in ["id", "kind", "name", "public_name", "email", "currency", "status", "created_at"]
}

columns contains column if {
	subject.is_master
	some column in ["parent_id", "ceiling", "external_id", "updated_at"]
}

columns contains column if {
	subject.is_reseller
	not own
	some column in ["parent_id", "ceiling", "external_id", "updated_at"]
}
