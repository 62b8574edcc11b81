package reseller.reach_test

import data.reseller.fixture
import data.reseller.reach

reached(user, action) := {account |
	some account, _ in fixture.accounts
	reach.owner with input as fixture.ask(user, action, "customer", fixture.row(account, {}))
}

test_master_can_reach_its_tenant_and_cannot_reach_another if {
	reached(fixture.master, "read") == {"acc_m", "acc_r", "acc_s", "acc_o"}
	reached(fixture.master, "create") == {"acc_m", "acc_r", "acc_s", "acc_o"}
	reached(fixture.stranger, "read") == {"acc_x"}
}

test_reseller_can_reach_its_subtree_and_cannot_reach_beside_or_above if {
	reached(fixture.reseller, "read") == {"acc_r", "acc_s"}
	reached(fixture.reseller, "create") == {"acc_r", "acc_s"}
	reached(fixture.grandchild, "update") == {"acc_s"}
	reached(fixture.other, "read") == {"acc_o"}
}

test_master_cannot_create_by_claiming_a_tenant if {
	claimed := {"account_id": "acc_x", "tenant_id": "acc_m"}
	not reach.owner with input as fixture.ask(fixture.master, "create", "customer", claimed)
}

test_anyone_cannot_reach_a_row_without_owner if {
	every user in [fixture.master, fixture.reseller] {
		not reach.owner with input as fixture.ask(user, "read", "customer", {"id": "row_1"})
	}
}

test_master_cannot_reach_a_stored_row_by_its_owner_alone if {
	torn := {"account_id": "acc_m", "tenant_id": "acc_x"}
	not reach.owner with input as fixture.ask(fixture.master, "read", "customer", torn)
}

test_reseller_cannot_reach_a_tenant if {
	every action in ["create", "read"] {
		not reach.tenant with input as fixture.ask(fixture.reseller, action, "customer", fixture.row("acc_r", {}))
	}
}
