package reseller.resource.audit_test

import data.reseller.fixture
import data.reseller.main

entry(actor, account) := fixture.row(account, {"actor_account_id": actor})

allowed(user, columns) if fixture.granted(fixture.ask(user, "read", "audit", columns))

refused(user, columns) := fixture.denial(fixture.ask(user, "read", "audit", columns))

test_master_can_read_every_entry_of_its_tenant_and_cannot_read_anothers if {
	allowed(fixture.master, entry("acc_m", "acc_m"))
	allowed(fixture.master, entry("acc_r", "acc_s"))
	refused(fixture.master, entry("acc_x", "acc_x")) == {"not_visible"}
}

test_reseller_can_read_what_its_subtree_did_to_its_subtree if {
	allowed(fixture.reseller, entry("acc_r", "acc_r"))
	allowed(fixture.reseller, entry("acc_s", "acc_r"))
}

test_reseller_cannot_read_what_others_did_to_it_or_it_did_to_others if {
	refused(fixture.reseller, entry("acc_m", "acc_r")) == {"not_visible"}
	refused(fixture.reseller, entry("acc_r", "acc_m")) == {"not_visible"}
	refused(fixture.reseller, entry("acc_o", "acc_o")) == {"not_visible"}
}

test_user_cannot_read_that_losses_were_accepted_without_seeing_provider_cards if {
	every account, user in {"acc_m": fixture.master, "acc_r": fixture.reseller} {
		seller := fixture.holding(user, {"card/provider": []})
		accepted := object.union(entry(account, account), {"action": "accept_losses"})
		refused(seller, accepted) == {"not_visible"}
		allowed(user, accepted)
		allowed(seller, object.union(accepted, {"action": "activate"}))
	}
}

test_user_can_read_that_losses_were_accepted_below_by_seeing_customer_cards if {
	accepted := object.union(entry("acc_s", "acc_s"), {"action": "accept_losses"})
	every user in [fixture.master, fixture.reseller] {
		allowed(fixture.holding(user, {"card/provider": []}), accepted)
		blind := fixture.holding(user, {"card/provider": [], "card/customer": []})
		refused(blind, accepted) == {"not_visible"}
		allowed(blind, object.union(accepted, {"action": "activate"}))
		allowed(fixture.holding(user, {"card/customer": []}), accepted)
	}
}

test_user_without_access_cannot_read_entries if {
	refused(fixture.holding(fixture.reseller, {"audit": []}), entry("acc_r", "acc_r")) == {"area_denied"}
}

test_reseller_can_see_an_entry_by_ids_alone if {
	decision := main.decision with input as fixture.ask(fixture.reseller, "read", "audit", entry("acc_r", "acc_r"))
	decision.view == "full"
	decision.columns == {"id", "at", "actor", "account", "action", "resource", "change"}
}

test_master_can_see_the_panel_of_an_entry if {
	decision := main.decision with input as fixture.ask(fixture.master, "read", "audit", entry("acc_r", "acc_r"))
	decision.columns == {"id", "at", "actor", "account", "action", "resource", "change", "panel"}
}

test_master_without_access_cannot_read_entries if {
	refused(fixture.holding(fixture.master, {"audit": []}), entry("acc_m", "acc_m")) == {"area_denied"}
}
