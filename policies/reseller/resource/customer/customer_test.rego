package reseller.resource.customer_test

import data.reseller.fixture
import data.reseller.main

allowed(user, action, account) if fixture.granted(fixture.ask(user, action, "customer", fixture.row(account, {})))

refused(user, action, account) := fixture.denial(fixture.ask(user, action, "customer", fixture.row(account, {})))

test_master_can_manage_customers_of_its_tenant if {
	every action in fixture.crud {
		every account in ["acc_m", "acc_r", "acc_s", "acc_o"] {
			allowed(fixture.master, action, account)
		}
	}
}

test_master_cannot_see_customers_of_another_master if {
	every action in fixture.crud {
		refused(fixture.master, action, "acc_x") == {"not_visible"}
	}
}

test_reseller_can_manage_own_customers_and_those_below if {
	every action in fixture.crud {
		allowed(fixture.reseller, action, "acc_r")
		allowed(fixture.reseller, action, "acc_s")
	}
}

test_reseller_cannot_see_customers_above_or_beside if {
	every action in fixture.crud {
		every account in ["acc_m", "acc_o", "acc_x"] {
			refused(fixture.reseller, action, account) == {"not_visible"}
		}
	}
}

test_reader_cannot_change_a_customer_it_sees if {
	reader := fixture.holding(fixture.reseller, {"customer": ["read"]})
	refused(reader, "update", "acc_r") == {"area_denied"}
	refused(reader, "update", "acc_o") == {"not_visible"}
}

test_user_without_access_cannot_see_customers if {
	blind := fixture.holding(fixture.reseller, {"customer": ["create"]})
	refused(blind, "read", "acc_r") == {"area_denied"}
	refused(blind, "create", "acc_r") == {"area_denied"}
}

test_anyone_cannot_move_a_customer if {
	every user in [fixture.master, fixture.reseller] {
		moved := fixture.write(user, "update", "customer", fixture.row("acc_r", {}), {"fields": ["account_id", "name"]})
		fixture.denial(moved) == {"customer_owner_immutable"}
		not main.allow with input as moved
	}
}

test_reseller_can_change_the_rest_of_a_customer if {
	change := {"fields": ["name", "notes"]}
	fixture.granted(fixture.write(fixture.reseller, "update", "customer", fixture.row("acc_r", {}), change))
}

shown(user, account) := decision if {
	decision := main.decision with input as fixture.ask(user, "read", "customer", fixture.row(account, {}))
}

test_reseller_can_see_a_customer_in_full if {
	shown(fixture.reseller, "acc_s").view == "full"
	shown(fixture.reseller, "acc_s").columns == {
		"id", "account_id", "name", "email", "status", "currency",
		"external_id", "notes", "cards", "created_at", "updated_at",
	}
}

test_user_without_customer_cards_cannot_see_a_customers_cards if {
	not "cards" in shown(fixture.holding(fixture.reseller, {"card/customer": []}), "acc_r").columns
}
