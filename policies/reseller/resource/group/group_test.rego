package reseller.resource.group_test

import data.reseller.fixture
import data.reseller.main

editor := fixture.holding(fixture.reseller, {"group": fixture.crud})

lent_to_all := fixture.row("acc_m", {"lend": "all"})

lent_to(accounts) := fixture.row("acc_m", {"lend": "some", "lent_to": accounts})

own(account) := fixture.row(account, {"lend": "none"})

allowed(user, action, columns) if fixture.granted(fixture.ask(user, action, "group", columns))

refused(user, action, columns) := fixture.denial(fixture.ask(user, action, "group", columns))

test_master_can_see_every_group_of_its_tenant_and_cannot_see_anothers if {
	every account in ["acc_m", "acc_r", "acc_s"] {
		allowed(fixture.master, "read", own(account))
	}
	refused(fixture.master, "read", own("acc_x")) == {"not_visible"}
}

test_reseller_can_see_own_groups_and_those_below if {
	allowed(fixture.reseller, "read", own("acc_r"))
	allowed(fixture.reseller, "read", own("acc_s"))
}

test_reseller_cannot_see_groups_above_or_beside if {
	refused(fixture.reseller, "read", own("acc_m")) == {"not_visible"}
	refused(fixture.reseller, "read", own("acc_o")) == {"not_visible"}
	refused(fixture.reseller, "read", fixture.row("acc_o", {"lend": "all"})) == {"not_visible"}
}

test_reseller_can_see_a_group_lent_to_it if {
	allowed(fixture.reseller, "read", lent_to_all)
	allowed(fixture.reseller, "read", lent_to(["acc_o", "acc_r"]))
}

test_reseller_cannot_see_a_group_lent_to_others if {
	refused(fixture.reseller, "read", lent_to(["acc_o"])) == {"not_visible"}
	refused(fixture.reseller, "read", lent_to([])) == {"not_visible"}
	refused(fixture.reseller, "read", fixture.row("acc_m", {"lend": "none", "lent_to": ["acc_r"]})) == {"not_visible"}
}

test_grandchild_cannot_see_a_group_lent_one_level_above_it if {
	refused(fixture.grandchild, "read", lent_to_all) == {"not_visible"}
	allowed(fixture.grandchild, "read", fixture.row("acc_r", {"lend": "all"}))
}

test_user_without_access_cannot_see_groups if {
	blind := fixture.holding(fixture.reseller, {"group": []})
	refused(blind, "read", own("acc_r")) == {"area_denied"}
	refused(blind, "read", lent_to_all) == {"area_denied"}
}

test_editor_can_change_groups_of_its_subtree if {
	every action in ["create", "update", "delete"] {
		allowed(editor, action, own("acc_r"))
		allowed(editor, action, own("acc_s"))
	}
}

test_editor_cannot_change_a_lent_group if {
	every action in ["update", "delete"] {
		refused(editor, action, lent_to_all) == {"group_not_own"}
		refused(fixture.reseller, action, lent_to_all) == {"group_not_own"}
	}
	refused(editor, "create", lent_to_all) == {"not_visible"}
}

test_reader_cannot_change_its_groups if {
	refused(fixture.reseller, "update", own("acc_r")) == {"area_denied"}
}

putting(user, columns, account) := object.union(
	fixture.ask(user, "assign", "group", columns),
	{"action": {"properties": {
		"account_id": account,
		"parent_id": object.get(fixture.accounts[account], "parent_id", ""),
	}}},
)

test_reseller_can_put_users_in_own_and_lent_groups if {
	every columns in [own("acc_r"), lent_to_all, lent_to(["acc_r"])] {
		fixture.granted(putting(fixture.reseller, columns, "acc_r"))
	}
	fixture.granted(putting(fixture.reseller, fixture.row("acc_r", {"lend": "all"}), "acc_s"))
}

test_reseller_cannot_put_users_in_groups_not_lent_to_their_account if {
	every columns in [own("acc_r"), lent_to_all, lent_to(["acc_r"])] {
		fixture.denial(putting(fixture.reseller, columns, "acc_s")) == {"group_not_lent"}
	}
}

test_master_cannot_put_a_resellers_user_in_a_group_of_its_own if {
	fixture.denial(putting(fixture.master, own("acc_m"), "acc_r")) == {"group_not_lent"}
	fixture.denial(putting(fixture.master, lent_to(["acc_o"]), "acc_r")) == {"group_not_lent"}
	fixture.denial(fixture.ask(fixture.master, "assign", "group", own("acc_m"))) == {"group_not_lent"}
	fixture.granted(putting(fixture.master, own("acc_m"), "acc_m"))
	fixture.granted(putting(fixture.master, lent_to_all, "acc_r"))
	fixture.granted(putting(fixture.master, lent_to(["acc_r"]), "acc_r"))
}

test_reseller_cannot_find_out_to_whom_else_a_group_is_lent if {
	every columns in [lent_to_all, lent_to(["acc_r"]), lent_to(["acc_o", "acc_r"])] {
		fixture.denial(putting(fixture.reseller, columns, "acc_o")) == {"group_not_lent"}
		fixture.denial(putting(fixture.reseller, columns, "acc_s")) == {"group_not_lent"}
	}
}

shown(user, columns) := decision if {
	decision := main.decision with input as fixture.ask(user, "read", "group", columns)
}

full := {
	"id", "account_id", "name", "public_name", "lend_to",
	"template", "default_access", "rows", "external_id", "created_at", "updated_at",
}

test_owner_can_see_a_group_in_full if {
	every decision in [
		shown(fixture.master, own("acc_r")),
		shown(fixture.reseller, own("acc_r")), shown(fixture.reseller, own("acc_s")),
	] {
		decision.view == "full"
		decision.columns == full
	}
}

test_borrower_cannot_see_more_than_name_and_access if {
	shown(fixture.reseller, lent_to_all).view == "lent"
	shown(fixture.reseller, lent_to_all).columns == {"id", "name", "default_access", "rows"}
}

test_reseller_cannot_put_users_in_a_group_it_does_not_see if {
	fixture.denial(putting(fixture.reseller, own("acc_o"), "acc_o")) == {"not_visible"}
}

test_master_cannot_put_users_in_a_group_once_lent if {
	withdrawn := fixture.row("acc_m", {"lend": "none", "lent_to": ["acc_r"]})
	fixture.denial(putting(fixture.master, withdrawn, "acc_r")) == {"group_not_lent"}
}

test_editor_cannot_learn_more_about_a_lent_group if {
	moved := fixture.write(editor, "update", "group", lent_to_all, {"fields": ["account_id"]})
	fixture.denial(moved) == {"group_not_own"}
}

test_user_without_access_cannot_see_groups_of_its_tenant if {
	refused(fixture.holding(fixture.master, {"group": []}), "read", own("acc_m")) == {"area_denied"}
	refused(fixture.holding(fixture.master, {"group": ["update"]}), "assign", own("acc_m")) == {"area_denied"}
}

test_borrower_cannot_put_users_of_the_lender_in_its_group if {
	every columns in [lent_to_all, lent_to(["acc_m", "acc_r"])] {
		fixture.denial(putting(fixture.reseller, columns, "acc_m")) == {"group_not_lent"}
	}
}

test_owner_cannot_put_users_from_two_levels_below_in_a_group_lent_to_all if {
	fixture.denial(putting(fixture.master, lent_to_all, "acc_s")) == {"group_not_lent"}
	fixture.denial(putting(fixture.reseller, fixture.row("acc_r", {"lend": "all"}), "acc_o")) == {"group_not_lent"}
}

test_reseller_cannot_put_its_users_in_a_group_of_an_account_below if {
	every columns in [own("acc_s"), fixture.row("acc_s", {"lend": "all"})] {
		fixture.denial(putting(fixture.reseller, columns, "acc_r")) == {"group_not_lent"}
	}
}

test_user_without_access_cannot_put_users_in_groups if {
	every user in [fixture.master, fixture.reseller] {
		blind := fixture.holding(user, {"group": ["create", "update", "delete"]})
		every columns in [own(user.account.id), lent_to_all] {
			fixture.denial(putting(blind, columns, user.account.id)) == {"area_denied"}
		}
	}
}

# No account is above a master, so none can lend it a group.
test_master_cannot_see_a_group_of_another_tenant_that_names_it if {
	named := {"lend": "some", "lent_to": ["acc_m"]}
	every more in [named, {"lend": "all"}] {
		refused(fixture.master, "read", fixture.row("acc_x", more)) == {"not_visible"}
	}
}

# Naming the account of a user to add opens the group only for adding users.
test_reader_cannot_change_groups_by_naming_an_account_they_are_open_to if {
	every action in ["update", "delete"] {
		named := {"action": {"name": action}}
		lent := object.union(putting(fixture.reseller, lent_to_all, "acc_r"), named)
		fixture.denial(lent) == {"group_not_own"}
		owned := object.union(putting(fixture.reseller, own("acc_r"), "acc_r"), named)
		fixture.denial(owned) == {"area_denied"}
	}
}
