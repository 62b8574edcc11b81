package reseller.types_test

import data.reseller.fixture
import data.reseller.types

decided_by(kind) := folder if {
	folder := types.kind with input as fixture.ask(fixture.master, "read", kind, {})
}

test_types_of_resellerds_own_can_decide_about_themselves if {
	every kind in ["account", "area", "audit", "card", "customer", "group", "rate", "revision", "user", "webhook"] {
		decided_by(kind) == kind
	}
}

test_other_types_cannot_be_decided_but_as_a_panels if {
	every kind in ["cdr", "panel", "customer/did", "card/provider", "CARD", "types", "", null, ["card"]] {
		decided_by(kind) == "panel"
	}
}

test_resource_without_a_type_cannot_be_decided if {
	not types.kind with input as {"resource": {"id": "row_1"}}
}
