package reseller.resource.user_test

import data.reseller.fixture
import data.reseller.main

target(account) := fixture.row(account, {"status": "active", "groups": ["grp_1"]})

allowed(user, action, columns) if fixture.granted(fixture.ask(user, action, "user", columns))

refused(user, action, columns) := fixture.denial(fixture.ask(user, action, "user", columns))

test_master_can_manage_users_of_its_tenant if {
	every action in fixture.crud {
		every account in ["acc_m", "acc_r", "acc_s"] {
			allowed(fixture.master, action, target(account))
		}
	}
}

test_reseller_can_manage_own_users_and_those_below if {
	every action in fixture.crud {
		allowed(fixture.reseller, action, target("acc_r"))
		allowed(fixture.reseller, action, target("acc_s"))
	}
}

test_reseller_cannot_see_users_above_or_beside if {
	every action in array.concat(fixture.crud, ["preview"]) {
		every account in ["acc_m", "acc_o", "acc_x"] {
			refused(fixture.reseller, action, target(account)) == {"not_visible"}
		}
	}
}

test_reader_cannot_change_users if {
	reader := fixture.holding(fixture.reseller, {"user": ["read"]})
	refused(reader, "update", target("acc_r")) == {"area_denied"}
}

test_user_without_access_cannot_see_users if {
	blind := fixture.holding(fixture.reseller, {"user": []})
	refused(blind, "read", target("acc_r")) == {"area_denied"}
	refused(blind, "preview", target("acc_r")) == {"area_denied"}
}

test_viewer_can_preview_a_visible_user if {
	allowed(fixture.reseller, "preview", target("acc_r"))
	allowed(fixture.master, "preview", target("acc_s"))
}

test_viewer_cannot_preview_without_the_area if {
	refused(fixture.holding(fixture.reseller, {"preview": []}), "preview", target("acc_r")) == {"area_denied"}
}

test_viewer_cannot_preview_a_disabled_user if {
	refused(fixture.reseller, "preview", fixture.row("acc_r", {"status": "disabled"})) == {"target_disabled"}
}

test_reseller_can_see_a_user_in_full if {
	decision := main.decision with input as fixture.ask(fixture.reseller, "read", "user", target("acc_r"))
	decision.view == "full"
	decision.columns == {
		"id", "account_id", "external_id", "login", "name", "groups", "group_ends",
		"status", "ip_allow", "time_zone", "created_at", "updated_at",
	}
}

test_reseller_cannot_be_shown_an_invisible_user if {
	decision := main.decision with input as fixture.ask(fixture.reseller, "read", "user", target("acc_o"))
	decision == {"allow": false, "reasons": {"not_visible"}}
}

test_reader_cannot_learn_more_about_an_invisible_user if {
	reader := fixture.holding(fixture.reseller, {"user": ["read"]})
	refused(reader, "update", target("acc_o")) == {"not_visible"}
}

test_manager_can_change_a_disabled_user if {
	allowed(fixture.reseller, "update", fixture.row("acc_r", {"status": "disabled"}))
}

test_viewer_cannot_change_users_by_the_letters_of_previews if {
	viewer := fixture.holding(fixture.reseller, {"user": ["read"], "preview": fixture.crud})
	every action in ["create", "update", "delete"] {
		refused(viewer, action, target("acc_r")) == {"area_denied"}
	}
}
