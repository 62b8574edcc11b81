package reseller.delegation_test

import data.reseller.delegation
import data.reseller.fixture
import data.reseller.main

# An office manager of the master: all rights on users and groups, some on customers.
manager := fixture.user_of("acc_m", {
	"*": [], "user": fixture.crud, "group": fixture.crud,
	"customer": ["create", "read"],
})

# The user's access is that of its groups, unless the change says otherwise.
changing(user, action, kind, change) := fixture.write(
	user, action, kind,
	fixture.row(user.account.id, {"status": "active"}),
	object.union({"held": user.access}, change),
)

weaker := {"*": [], "customer": ["read"]}

stronger := {"*": [], "customer": ["read", "delete"]}

test_manager_can_give_what_it_holds if {
	every kind in ["user", "group"] {
		fixture.granted(changing(manager, "create", kind, {"fields": ["name"], "after": weaker}))
		fixture.granted(changing(manager, "update", kind, {"fields": ["groups"], "before": weaker, "after": manager.access}))
	}
}

test_manager_cannot_give_what_it_does_not_hold if {
	every kind in ["user", "group"] {
		every after in [
			stronger, {"*": ["read"]}, {"cdr": ["read"]},
			{"customer/did": ["delete"]}, {"customer": fixture.crud},
		] {
			created := changing(manager, "create", kind, {"fields": ["name"], "after": after})
			fixture.denial(created) == {"exceeds_delegation"}
			not main.allow with input as created
			updated := changing(manager, "update", kind, {"fields": ["rows"], "before": weaker, "after": after})
			fixture.denial(updated) == {"exceeds_delegation"}
		}
	}
}

test_manager_cannot_widen_itself if {
	wider := {"fields": ["groups"], "before": manager.access, "after": fixture.everything}
	fixture.denial(changing(manager, "update", "user", wider)) == {"exceeds_delegation"}
}

test_manager_cannot_touch_a_stronger_colleague if {
	every field in ["login", "external_id", "status", "groups", "group_ends", "ip_allow"] {
		touched := changing(manager, "update", "user", {"fields": ["name", field], "before": stronger, "after": weaker})
		fixture.denial(touched) == {"exceeds_delegation"}
	}
	deleted := changing(manager, "delete", "user", {"fields": [], "before": stronger})
	fixture.denial(deleted) == {"exceeds_delegation"}
}

test_manager_can_rename_a_colleague_and_delete_a_weaker_one if {
	renamed := {"fields": ["name", "time_zone"], "before": weaker, "after": weaker}
	fixture.granted(changing(manager, "update", "user", renamed))
	fixture.granted(changing(manager, "delete", "user", {"fields": [], "before": weaker}))
}

test_manager_cannot_touch_any_part_of_a_stronger_group if {
	every field in ["name", "lend_to", "rows"] {
		touched := changing(manager, "update", "group", {"fields": [field], "before": stronger, "after": weaker})
		fixture.denial(touched) == {"exceeds_delegation"}
	}
	fixture.denial(changing(manager, "delete", "group", {"fields": [], "before": stronger})) == {"exceeds_delegation"}
}

test_manager_can_change_and_delete_a_weaker_group if {
	fixture.granted(changing(manager, "update", "group", {"fields": ["name"], "before": weaker, "after": weaker}))
	fixture.granted(changing(manager, "delete", "group", {"fields": [], "before": weaker}))
}

test_reseller_can_give_a_default_that_its_ceiling_cuts if {
	given := changing(fixture.strong, "create", "group", {"fields": ["default_access"], "after": fixture.everything})
	fixture.granted(given)
}

# The ceiling that hides an area now may be lifted later.
test_reseller_cannot_give_what_only_a_ceiling_keeps_from_it if {
	editor := fixture.holding(fixture.reseller, {"group": fixture.crud})
	every area in ["carrier", "routing", "breakout", "log", "policy", "scriptforge"] {
		every kind in ["user", "group"] {
			hidden := {"*": [], area: fixture.crud}
			made := changing(editor, "create", kind, {"fields": ["rows"], "after": hidden})
			fixture.denial(made) == {"exceeds_delegation"}
			widened := changing(editor, "update", kind, {"fields": ["groups"], "before": weaker, "after": hidden})
			fixture.denial(widened) == {"exceeds_delegation"}
			touched := changing(editor, "update", kind, {"fields": ["login"], "before": hidden, "after": weaker})
			fixture.denial(touched) == {"exceeds_delegation"}
		}
	}
}

# Access from the same group stays equal under any ceiling.
test_reseller_can_give_what_its_own_groups_give_under_a_ceiling if {
	held := object.union(fixture.template, {"carrier": fixture.crud})
	narrowed := fixture.holding(fixture.reseller, {"customer": ["read"], "group": fixture.crud})
	every kind in ["user", "group"] {
		change := {"fields": ["login"], "held": held, "before": held, "after": held}
		fixture.granted(changing(narrowed, "create", kind, change))
		fixture.granted(changing(narrowed, "update", kind, change))
		fixture.granted(changing(narrowed, "delete", kind, change))
	}
}

test_nobody_can_give_anything_without_being_told_what_they_hold if {
	given := fixture.write(
		fixture.master, "create", "group",
		fixture.row("acc_m", {}), {"fields": ["rows"], "after": weaker},
	)
	fixture.denial(given) == {"exceeds_delegation"}
}

# An account below the manager's. Its users newly get the access in after.
opening(after) := fixture.write(
	fixture.holding(manager, {"account": fixture.crud}), "update", "account",
	fixture.account("acc_r"), {"fields": ["ceiling"], "held": manager.access, "after": after},
)

test_manager_can_open_to_an_account_what_it_holds if {
	every after in [{}, weaker, {"*": [], "customer": ["create", "read"]}] {
		fixture.granted(opening(after))
	}
}

test_manager_cannot_open_to_an_account_what_it_does_not_hold if {
	every after in [stronger, fixture.everything, {"*": ["read"]}, {"carrier": ["read"]}] {
		fixture.denial(opening(after)) == {"exceeds_delegation"}
		not main.allow with input as opening(after)
	}
}

test_reseller_cannot_give_more_than_its_own_groups if {
	editor := fixture.holding(fixture.reseller, {"group": fixture.crud})
	given := changing(editor, "create", "group", {"fields": ["rows"], "after": {"cdr": ["read", "delete"]}})
	fixture.denial(given) == {"exceeds_delegation"}
}

test_manager_cannot_give_more_in_a_tree_without_limits if {
	given := changing(manager, "create", "group", {"fields": ["rows"], "after": stronger})
	fixture.denial(given) == {"exceeds_delegation"} with data.limits as {}
}

test_manager_can_rename_a_stronger_colleague if {
	every before in [stronger, {"cdr": ["read"]}] {
		fixture.granted(changing(manager, "update", "user", {"fields": ["name"], "before": before, "after": weaker}))
	}
}

test_manager_cannot_give_any_single_letter_it_does_not_hold if {
	every kind in ["user", "group"] {
		every letter in fixture.crud {
			given := {"fields": ["name"], "before": weaker, "after": {"cdr": [letter]}}
			fixture.denial(changing(manager, "create", kind, given)) == {"exceeds_delegation"}
			fixture.denial(changing(manager, "update", kind, given)) == {"exceeds_delegation"}
		}
	}
}

test_manager_cannot_touch_who_holds_any_single_letter_more if {
	every letter in fixture.crud {
		held := {"fields": ["login"], "before": {"cdr": [letter]}, "after": weaker}
		every kind in ["user", "group"] {
			fixture.denial(changing(manager, "update", kind, held)) == {"exceeds_delegation"}
			fixture.denial(changing(manager, "delete", kind, held)) == {"exceeds_delegation"}
		}
	}
}

# Only groups and users hold access. Other types are not checked.
test_manager_can_write_what_holds_no_access if {
	every action in ["create", "update", "delete"] {
		written := changing(manager, action, "customer", {"fields": ["status"], "before": stronger, "after": stronger})
		not delegation.refused with input as written
	}
}

# Only writes that set new access are checked for it.
test_manager_can_delete_and_put_users_in_what_it_could_not_give if {
	change := {"fields": [], "before": weaker, "after": stronger}
	every kind in ["user", "group"] {
		fixture.granted(changing(manager, "delete", kind, change))
	}
	put := {"fields": [], "before": stronger, "after": stronger}
	not delegation.refused with input as changing(manager, "assign", "group", put)
}

# The ceiling of a new account gives nobody access, so creating it needs none.
test_manager_can_make_an_account_without_holding_what_it_may_come_to_hold if {
	made := object.union(opening(fixture.everything), {"action": {"name": "create"}})
	not delegation.refused with input as made
}

# A new user had no access before, so that nothing is taken from anybody.
test_manager_can_create_a_user_whatever_access_is_named_before if {
	made := {"fields": ["login"], "before": {"cdr": ["read"]}, "after": weaker}
	not delegation.refused with input as changing(manager, "create", "user", made)
}
