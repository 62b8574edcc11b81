package reseller.fields_test

import data.reseller.fields
import data.reseller.fixture

changing(user, kind, columns, names) := fixture.write(user, "update", kind, columns, {"fields": names})

test_master_cannot_change_what_is_fixed if {
	every kind in ["account", "group", "user", "card"] {
		every name in ["id", "account_id", "tenant_id", "parent_id", "kind", "depth"] {
			row := fixture.row("acc_m", {"kind": "customer"})
			fixture.denial(changing(fixture.master, kind, row, ["name", name])) == {"column_not_writable"}
		}
	}
}

test_master_can_change_the_rest if {
	every kind in ["account", "group", "user", "customer", "card"] {
		fixture.granted(changing(fixture.master, kind, fixture.row("acc_m", {"kind": "customer"}), ["name", "external_id"]))
	}
}

test_master_can_set_the_ceiling_and_status_of_an_account_below if {
	fixture.granted(changing(fixture.master, "account", fixture.account("acc_r"), ["ceiling", "status", "external_id"]))
}

test_anyone_can_change_their_own_company_profile if {
	editor := fixture.holding(fixture.reseller, {"account": ["read", "update"]})
	fixture.granted(changing(editor, "account", fixture.account("acc_r"), ["name", "public_name", "email"]))
	fixture.granted(changing(fixture.master, "account", fixture.account("acc_m"), ["name", "public_name", "email"]))
}

test_anyone_cannot_change_their_own_standing if {
	editor := fixture.holding(fixture.reseller, {"account": ["read", "update"]})
	every name in ["ceiling", "status", "external_id", "currency", "a column of tomorrow"] {
		fixture.denial(changing(editor, "account", fixture.account("acc_r"), [name])) == {"column_not_writable"}
		fixture.denial(changing(fixture.master, "account", fixture.account("acc_m"), [name])) == {"column_not_writable"}
	}
}

test_anyone_can_name_every_field_of_a_new_row if {
	given := {"fields": ["account_id", "name"]}
	created := fixture.write(fixture.master, "create", "customer", fixture.row("acc_r", {}), given)
	not fields.refused with input as created
	fixture.granted(created)
}

test_master_cannot_change_what_is_fixed_of_a_customer if {
	fixture.denial(changing(fixture.master, "customer", fixture.row("acc_r", {}), ["id"])) == {"column_not_writable"}
}

test_reseller_can_name_the_owner_of_a_new_user if {
	given := {"fields": ["account_id", "login"]}
	fixture.granted(fixture.write(fixture.reseller, "create", "user", fixture.row("acc_s", {}), given))
}

test_customer_can_be_changed_whatever_its_id if {
	posed := fixture.row("acc_r", {"id": "acc_r"})
	fixture.granted(fixture.write(fixture.reseller, "update", "customer", posed, {"fields": ["notes"]}))
}

test_master_can_name_every_field_of_a_new_account_whatever_its_id if {
	given := {"fields": ["id", "currency", "ceiling"]}
	made := fixture.write(fixture.master, "create", "account", fixture.account("acc_m"), given)
	not fields.refused with input as made
}
