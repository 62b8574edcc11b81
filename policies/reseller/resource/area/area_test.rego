package reseller.resource.area_test

import data.reseller.fixture
import data.reseller.main

opened(user) := {action |
	some action in fixture.crud
	fixture.granted(fixture.ask(user, action, "area", {"id": "support-ticket/export"}))
}

test_master_can_open_any_area if opened(fixture.master) == {"create", "read", "update", "delete"}

test_reseller_can_open_what_its_group_gives if opened(fixture.reseller) == {"create", "read"}

test_reseller_cannot_open_an_area_beyond_group_or_ceiling if {
	denied := {"allow": false, "reasons": {"area_denied"}}
	main.decision == denied with input as fixture.ask(fixture.reseller, "read", "area", {"id": "invoice"})
	main.decision == denied with input as fixture.ask(fixture.strong, "read", "area", {"id": "routing/lcr"})
	fixture.denial(fixture.ask(fixture.master, "read", "area", {})) == {"unknown_area"}
}
