package reseller.resource.revision_test

import data.reseller.fixture
import data.reseller.main

shown(user, columns) := decision if {
	decision := main.decision with input as fixture.ask(user, "read", "revision", columns)
}

assigned := fixture.row("acc_m", {"kind": "customer", "assigned_to": ["acc_r"]})

translated := {"id", "activated_at", "rows"}

whole := translated | {
	"number", "status", "live_at", "deactivated_at", "origin", "base_id", "scheduled_by",
	"losses_accepted", "held_reason", "created_at",
}

test_owner_can_see_a_revision_whole if {
	shown(fixture.master, assigned).columns == whole
	shown(fixture.reseller, fixture.row("acc_r", {"kind": "customer", "assigned_to": []})).columns == whole
}

test_master_can_see_revisions_of_a_card_below_whole if {
	shown(fixture.master, fixture.row("acc_r", {"kind": "customer", "assigned_to": []})).columns == whole
}

test_reseller_cannot_see_numbers_and_states_of_an_assigned_card if {
	expected := {"allow": true, "reasons": set(), "view": "translated", "columns": translated}
	shown(fixture.reseller, assigned) == expected
}

test_other_reseller_cannot_see_revisions if {
	shown(fixture.other, assigned) == {"allow": false, "reasons": {"not_visible"}}
}

test_owner_cannot_write_a_revision_but_through_its_card if {
	every action in ["create", "update", "delete", "activate"] {
		fixture.denial(fixture.ask(fixture.master, action, "revision", assigned)) == {"unknown_action"}
	}
}

test_user_without_access_cannot_see_revisions if {
	every user in [fixture.master, fixture.reseller] {
		blind := fixture.holding(user, {"card/customer": [], "card/provider": []})
		fixture.denial(fixture.ask(blind, "read", "revision", assigned)) == {"area_denied"}
	}
}

test_user_without_provider_cards_cannot_see_what_tells_of_the_parents if {
	seller := fixture.holding(fixture.reseller, {"card/provider": []})
	own := fixture.row("acc_r", {"kind": "customer", "assigned_to": []})
	below := fixture.row("acc_s", {"kind": "customer", "assigned_to": []})
	shown(seller, own).columns == whole - {"losses_accepted", "held_reason"}
	shown(seller, below).columns == whole
}
