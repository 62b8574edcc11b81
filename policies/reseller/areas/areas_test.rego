package reseller.areas_test

import data.reseller.areas
import data.reseller.fixture

rows := {
	"*": ["read"],
	"customer": ["create", "read"],
	"customer/did": ["delete"],
	"customer/did/port": [],
}

test_anyone_can_use_the_longest_row if {
	areas.granted(rows, "customer", "create")
	areas.granted(rows, "customer/sip", "create")
	areas.granted(rows, "customer/did", "delete")
	areas.granted(rows, "customer/did/x/y", "delete")
	areas.granted(rows, "cdr", "read")
}

test_anyone_cannot_use_what_a_longer_row_replaces if {
	not areas.granted(rows, "customer/did", "create")
	not areas.granted(rows, "customer/did", "read")
	not areas.granted(rows, "customer/did/port", "delete")
	not areas.granted(rows, "customer", "update")
	not areas.granted(rows, "cdr", "update")
}

test_anyone_cannot_pass_a_look_alike_for_an_area if {
	not areas.granted(rows, "customers", "create")
	not areas.granted(rows, "customer-did", "create")
	not areas.granted(rows, "/customer", "create")
	not areas.granted(rows, "CUSTOMER", "create")
	not areas.granted(rows, "", "create")
}

test_anyone_cannot_walk_out_of_an_area if {
	not areas.granted(rows, "customer/../cdr", "create")
	not areas.granted(rows, "customer/./cdr", "create")
	not areas.granted(rows, "customer/..", "read")
	not areas.granted(rows, "customer/", "create")
	not areas.granted(rows, "customer//did", "create")
	not areas.granted(rows, "/customer", "read")
}

test_anyone_cannot_use_an_unknown_area_without_default if {
	not areas.granted({"customer": ["read"]}, "cdr", "read")
	not areas.granted({}, "cdr", "read")
}

test_master_can_hold_every_area if {
	every area in ["carrier", "policy", "card/provider", "cdr"] {
		areas.permits(area, "update") with input as {"subject": fixture.master}
	}
}

test_reseller_cannot_rise_above_its_ceiling if {
	every area in ["breakout", "carrier", "carrier/rates", "log", "policy", "routing", "scriptforge"] {
		not areas.permits(area, "read") with input as {"subject": fixture.strong}
	}
	not areas.permits("card/provider", "update") with input as {"subject": fixture.strong}
}

test_reseller_can_hold_what_its_ceiling_leaves if {
	areas.permits("card/provider", "read") with input as {"subject": fixture.strong}
	areas.permits("alert", "delete") with input as {"subject": fixture.strong}
}

test_reseller_cannot_hold_anything_without_a_ceiling if {
	not areas.permits("customer", "read") with input as {"subject": fixture.strong}
		with data.limits as {}
}
