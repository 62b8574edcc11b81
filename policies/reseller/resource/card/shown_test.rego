package reseller.resource.card_test

import data.reseller.fixture
import data.reseller.main

shown(user, kind, columns) := decision if {
	decision := main.decision with input as fixture.ask(user, "read", kind, columns)
}

translated := {
	"id", "kind", "name", "carrier", "currency", "direction", "rate_precision", "rate_rounding",
	"charge_precision", "charge_rounding", "public_notes", "revision",
}

from_above := translated | {
	"account_id", "public_name", "tech_prefix", "assigned_to", "compact", "routing", "profit_rules", "parents",
	"external_id", "created_at", "updated_at",
}

whole := from_above | {"notes", "stale"}

test_master_can_see_its_own_cards_whole if {
	shown(fixture.master, "card", carrier) == {"allow": true, "reasons": set(), "view": "provider", "columns": whole}
	shown(fixture.master, "card", assigned) == {"allow": true, "reasons": set(), "view": "customer", "columns": whole}
}

test_reseller_can_see_its_own_card_whole if {
	shown(fixture.reseller, "card", retail) == {"allow": true, "reasons": set(), "view": "customer", "columns": whole}
}

test_viewer_cannot_see_the_notes_and_staleness_of_a_card_below if {
	expected := {"allow": true, "reasons": set(), "view": "customer", "columns": from_above}
	shown(fixture.master, "card", retail) == expected
	shown(fixture.reseller, "card", card("acc_s", "customer", [])) == expected
}

test_reseller_cannot_see_anything_upstream_of_an_assigned_card if {
	expected := {"allow": true, "reasons": set(), "view": "translated", "columns": translated}
	shown(fixture.reseller, "card", assigned) == expected
	shown(fixture.other, "card", assigned) == expected
	shown(fixture.grandchild, "card", card("acc_r", "customer", ["acc_s"])) == expected
}

test_reseller_cannot_be_shown_an_invisible_card if {
	shown(fixture.reseller, "card", carrier) == {"allow": false, "reasons": {"not_visible"}}
}

test_user_without_provider_cards_cannot_see_what_its_cards_are_built_from if {
	seller := fixture.holding(fixture.reseller, {"card/provider": []})
	"profit_rules" in shown(seller, "card", retail).columns
	not "parents" in shown(seller, "card", retail).columns
	not "stale" in shown(seller, "card", retail).columns
	"notes" in shown(seller, "card", retail).columns
	"parents" in shown(seller, "card", card("acc_s", "customer", [])).columns
}
