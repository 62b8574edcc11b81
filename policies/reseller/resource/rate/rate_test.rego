package reseller.resource.rate_test

import data.reseller.fixture
import data.reseller.main

assigned := fixture.row("acc_m", {"kind": "customer", "assigned_to": ["acc_r"]})

shown(user, row) := decision if {
	decision := main.decision with input as fixture.ask(user, "read", "rate", row)
}

columns := {"prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"}

test_reseller_can_see_rates_of_an_assigned_card_as_its_cost if {
	shown(fixture.reseller, assigned).view == "translated"
	shown(fixture.reseller, assigned).columns == columns
}

test_master_can_see_rates_of_both_kinds if {
	shown(fixture.master, assigned).view == "customer"
	shown(fixture.master, fixture.row("acc_m", {"kind": "provider"})).view == "provider"
	shown(fixture.master, assigned).columns == columns
}

test_other_reseller_cannot_see_rates if {
	shown(fixture.other, assigned) == {"allow": false, "reasons": {"not_visible"}}
}
