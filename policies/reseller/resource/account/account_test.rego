package reseller.resource.account_test

import data.reseller.fixture
import data.reseller.main

maker := fixture.holding(fixture.reseller, {"account": ["create", "read", "update"]})

seen(user) := {id |
	some id, _ in fixture.accounts
	fixture.granted(fixture.ask(user, "read", "account", fixture.account(id)))
}

creating(user, parent, depth) := fixture.ask(user, "create", "account", {
	"parent_id": parent, "tenant_id": "acc_m", "kind": "reseller", "depth": depth,
})

test_master_can_see_its_tenants_accounts_and_cannot_see_another_master if {
	seen(fixture.master) == {"acc_m", "acc_r", "acc_s", "acc_o"}
	seen(fixture.stranger) == {"acc_x"}
}

test_reseller_can_see_its_subtree_and_cannot_see_above_or_beside if {
	seen(fixture.reseller) == {"acc_r", "acc_s"}
	seen(fixture.grandchild) == {"acc_s"}
	seen(fixture.other) == {"acc_o"}
}

test_user_without_access_cannot_see_accounts if {
	every user in [fixture.master, fixture.reseller] {
		blind := fixture.holding(user, {"account": []})
		seen(blind) == set()
		fixture.denial(fixture.ask(blind, "read", "account", fixture.account(user.account.id))) == {"area_denied"}
	}
}

test_reseller_cannot_learn_more_about_an_account_above if {
	every action in ["read", "update"] {
		fixture.denial(fixture.ask(maker, action, "account", fixture.account("acc_m"))) == {"not_visible"}
	}
}

test_reseller_cannot_update_an_account_by_the_template if {
	fixture.denial(fixture.ask(fixture.reseller, "update", "account", fixture.account("acc_s"))) == {"area_denied"}
}

test_master_can_open_an_account_only_with_a_row_for_opening_that_gives_it if {
	fixture.granted(fixture.ask(fixture.master, "open", "account", fixture.account("acc_r")))
	closer := fixture.holding(fixture.master, {"account/opening": ["read"]})
	fixture.denial(fixture.ask(closer, "open", "account", fixture.account("acc_r"))) == {"area_denied"}
	fixture.granted(fixture.ask(closer, "update", "account", fixture.account("acc_r")))
	opener := fixture.holding(fixture.master, {"account": ["read"], "account/opening": ["update"]})
	fixture.granted(fixture.ask(opener, "open", "account", fixture.account("acc_r")))
	fixture.denial(fixture.ask(opener, "update", "account", fixture.account("acc_r"))) == {"area_denied"}
	fixture.denial(fixture.ask(fixture.reseller, "open", "account", fixture.account("acc_o"))) == {"not_visible"}
}

test_reseller_can_update_an_account_below_with_the_letter if {
	fixture.granted(fixture.ask(maker, "update", "account", fixture.account("acc_s")))
}

test_master_can_create_an_account_within_depth if {
	fixture.granted(creating(fixture.master, "acc_m", 1))
}

test_master_cannot_create_an_account_too_deep if {
	fixture.denial(creating(fixture.master, "acc_r", 2)) == {"max_depth"}
	unstated := {"parent_id": "acc_r", "tenant_id": "acc_m", "kind": "reseller"}
	fixture.denial(fixture.ask(fixture.master, "create", "account", unstated)) == {"max_depth"}
}

test_reseller_can_create_below_itself_when_depth_allows if {
	fixture.granted(creating(maker, "acc_r", 2)) with data.limits.max_depth as 3
	fixture.granted(creating(maker, "acc_s", 3)) with data.limits.max_depth as 3
	fixture.denial(creating(maker, "acc_s", 4)) == {"max_depth"} with data.limits.max_depth as 3
	fixture.denial(creating(maker, "acc_r", 2)) == {"max_depth"}
}

test_reseller_cannot_create_beside_or_above_itself if {
	every parent in ["acc_m", "acc_o", "acc_x", "acc_none"] {
		fixture.denial(creating(maker, parent, 1)) == {"not_visible"}
	}
}

test_anyone_cannot_create_a_master if {
	made := object.union(creating(fixture.master, "acc_m", 1), {"resource": {"kind": "master"}})
	fixture.denial(made) == {"not_visible"}
	rootless := fixture.ask(fixture.master, "create", "account", {"tenant_id": "acc_m", "kind": "master", "depth": 0})
	fixture.denial(rootless) == {"not_visible"}
}

full := {
	"id", "parent_id", "kind", "name", "public_name", "email", "currency",
	"status", "ceiling", "external_id", "created_at", "updated_at",
}

shown(user, id) := decision if {
	decision := main.decision with input as fixture.ask(user, "read", "account", fixture.account(id))
}

test_master_can_see_an_account_in_full if {
	every id in ["acc_m", "acc_r", "acc_s"] {
		shown(fixture.master, id).view == "full"
		shown(fixture.master, id).columns == full
	}
}

test_reseller_can_see_an_account_below_in_full if {
	shown(fixture.reseller, "acc_s").view == "full"
	shown(fixture.reseller, "acc_s").columns == full
}

test_reseller_cannot_see_parent_or_ceiling_of_its_own_account if {
	shown(fixture.reseller, "acc_r").view == "own"
	shown(fixture.reseller, "acc_r").columns == full - {"parent_id", "ceiling", "external_id", "updated_at"}
}

test_reseller_cannot_create_by_naming_an_account_it_sees if {
	posed := object.union(creating(maker, "acc_o", 1), {"resource": {"id": "acc_r"}})
	fixture.denial(posed) == {"not_visible"}
}

test_writer_cannot_update_accounts_it_cannot_read if {
	every user in [fixture.master, fixture.reseller] {
		blind := fixture.holding(user, {"account": ["update"]})
		fixture.denial(fixture.ask(blind, "update", "account", fixture.account("acc_s"))) == {"area_denied"}
	}
}

test_master_cannot_see_an_account_of_another_tenant_by_its_id_alone if {
	torn := {"id": "acc_r", "tenant_id": "acc_x", "kind": "reseller"}
	fixture.denial(fixture.ask(fixture.master, "read", "account", torn)) == {"not_visible"}
}

test_reseller_cannot_see_an_account_by_its_parent_alone if {
	torn := {"id": "acc_o", "parent_id": "acc_r", "tenant_id": "acc_m", "kind": "reseller"}
	fixture.denial(fixture.ask(fixture.reseller, "read", "account", torn)) == {"not_visible"}
	fixture.denial(fixture.ask(maker, "update", "account", torn)) == {"not_visible"}
}
