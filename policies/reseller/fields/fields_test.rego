package reseller.fields_test

import data.reseller.fields
import data.reseller.fixture
import data.reseller.main

changing(user, kind, columns, names) := fixture.write(user, "update", kind, columns, {"fields": names})

test_master_cannot_change_what_is_fixed if {
	every kind in ["account", "group", "user", "card"] {
		every name in ["id", "account_id", "tenant_id", "parent_id", "kind", "depth"] {
			row := fixture.row("acc_m", {"kind": "customer"})
			main.reasons == {"column_not_writable"} with input as changing(fixture.master, kind, row, ["name", name])
		}
	}
}

test_master_can_change_the_rest if {
	every kind in ["account", "group", "user", "customer", "card"] {
		main.allow with input as changing(fixture.master, kind, fixture.row("acc_m", {"kind": "customer"}), ["name", "external_id"])
	}
}

test_master_can_set_the_ceiling_and_status_of_an_account_below if {
	main.allow with input as changing(fixture.master, "account", fixture.account("acc_r"), ["ceiling", "status", "external_id"])
}

test_anyone_can_change_their_own_company_profile if {
	editor := fixture.holding(fixture.reseller, {"account": ["read", "update"]})
	main.allow with input as changing(editor, "account", fixture.account("acc_r"), ["name", "public_name", "email"])
	main.allow with input as changing(fixture.master, "account", fixture.account("acc_m"), ["name", "public_name", "email"])
}

test_anyone_cannot_change_their_own_standing if {
	editor := fixture.holding(fixture.reseller, {"account": ["read", "update"]})
	every name in ["ceiling", "status", "external_id", "currency", "a column of tomorrow"] {
		main.reasons == {"column_not_writable"} with input as changing(editor, "account", fixture.account("acc_r"), [name])
		main.reasons == {"column_not_writable"} with input as changing(fixture.master, "account", fixture.account("acc_m"), [name])
	}
}

test_anyone_can_name_every_field_of_a_new_row if {
	created := fixture.write(fixture.master, "create", "customer", fixture.row("acc_r", {}), {"fields": ["account_id", "name"]})
	not fields.refused with input as created
	main.allow with input as created
}

test_master_cannot_change_what_is_fixed_of_a_customer if {
	main.reasons == {"column_not_writable"} with input as changing(fixture.master, "customer", fixture.row("acc_r", {}), ["id"])
}
