package reseller.resource.panel_test

import data.reseller.fixture
import data.reseller.main

# A call record of an account, as the panel sends it.
call(account) := {"id": "cdr_1", "properties": {"account_id": account}}

allowed(user, action, columns) if fixture.granted(fixture.ask(user, action, "cdr", columns))

refused(user, action, columns) := fixture.denial(fixture.ask(user, action, "cdr", columns))

test_master_can_read_rows_of_its_tenant_and_cannot_read_anothers if {
	allowed(fixture.master, "read", call("acc_s"))
	refused(fixture.master, "read", call("acc_x")) == {"not_visible"}
}

test_reseller_can_read_rows_of_its_subtree_and_cannot_read_others if {
	allowed(fixture.reseller, "read", call("acc_r"))
	allowed(fixture.reseller, "read", call("acc_s"))
	refused(fixture.reseller, "read", call("acc_o")) == {"not_visible"}
	refused(fixture.reseller, "read", call("acc_m")) == {"not_visible"}
}

test_anyone_cannot_read_a_row_without_owner if {
	every user in [fixture.master, fixture.reseller] {
		refused(user, "read", {"id": "cdr_1"}) == {"owner_unknown"}
		refused(user, "read", {"id": "cdr_1", "properties": {}}) == {"owner_unknown"}
	}
	refused(fixture.reseller, "read", call(null)) == {"not_visible"}
	refused(fixture.reseller, "read", call(["acc_r"])) == {"not_visible"}
}

test_reseller_cannot_act_in_an_area_it_lacks if {
	refused(fixture.reseller, "update", call("acc_r")) == {"area_denied"}
	refused(fixture.reseller, "update", call("acc_o")) == {"area_denied"}
	refused(fixture.reseller, "update", {"id": "cdr_1"}) == {"area_denied"}
}

test_catalog_can_name_the_owner_and_wins_over_the_request if {
	known := {"cdr": {"cdr_1": {"account_id": "acc_o"}}}
	fixture.granted(fixture.ask(fixture.other, "read", "cdr", {"id": "cdr_1"})) with data.catalog as known
		with input.subject.access as fixture.everything
	listed := fixture.ask(fixture.reseller, "read", "cdr", call("acc_r"))
	fixture.denial(listed) == {"not_visible"} with data.catalog as known
	other := fixture.ask(fixture.reseller, "read", "cdr", object.union(call("acc_r"), {"id": "cdr_2"}))
	fixture.granted(other) with data.catalog as known
}

test_anyone_cannot_use_a_reserved_type if {
	every kind in ["card/provider", "card/customer", "card/loss", "preview", "policy", "action"] {
		fixture.denial(fixture.ask(fixture.master, "read", kind, call("acc_m"))) == {"reserved_type"}
		not main.allow with input as fixture.ask(fixture.master, "read", kind, call("acc_m"))
	}
}

test_reseller_can_use_a_type_below_an_own_area if {
	fixture.granted(fixture.ask(fixture.reseller, "read", "customer/did", call("acc_r")))
}

test_panel_can_show_all_columns_and_cannot_be_told_a_view if {
	decision := main.decision with input as fixture.ask(fixture.reseller, "read", "cdr", call("acc_r"))
	decision == {"allow": true, "reasons": set(), "columns": {"*"}}
}

test_reseller_cannot_see_columns_that_data_does_not_list if {
	listed := {"cdr": {"master": ["*"], "reseller": ["id", "called=last_four"]}}
	shown(fixture.master, "cdr") == {"*"} with data.tables as listed
	shown(fixture.reseller, "cdr") == {"id", "called=last_four"} with data.tables as listed
	shown(fixture.reseller, "support-ticket") == {"*"} with data.tables as listed
	shown(fixture.reseller, "cdr") == set() with data.tables as {"cdr": {"master": ["*"]}}
}

shown(user, area) := columns if {
	columns := main.columns with input as fixture.ask(user, "read", area, call("acc_r"))
}

test_anyone_cannot_learn_more_about_a_reserved_type if {
	every columns in [call("acc_r"), call("acc_o"), {"id": "row_1"}] {
		fixture.denial(fixture.ask(fixture.reseller, "update", "card/provider", columns)) == {"reserved_type"}
		fixture.denial(fixture.ask(fixture.master, "read", "policy", columns)) == {"reserved_type"}
	}
}

test_master_cannot_learn_whose_row_a_reserved_type_has if {
	fixture.denial(fixture.ask(fixture.master, "read", "policy", call("acc_x"))) == {"reserved_type"}
}
