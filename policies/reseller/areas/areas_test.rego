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

test_anyone_can_use_a_row_of_its_own_for_a_look_alike if {
	areas.granted({"customer//did": ["read"]}, "customer//did", "read")
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

# A reseller of a carrier that lists the areas of its resellers.
listed := object.union(fixture.strong, {"account": {"listed_areas": true}})

test_reseller_can_hold_only_named_areas_where_areas_are_listed if {
	every area in ["customer", "customer/did", "card/customer", "cdr", "support-ticket"] {
		areas.permits(area, "create") with input as {"subject": listed}
	}
	every area in ["sip-admin", "alert", "cdrs", "carrier", "*"] {
		not areas.permits(area, "read") with input as {"subject": listed}
	}
	areas.permits("sip-admin", "read") with input as {"subject": fixture.strong}
	areas.permits("sip-admin", "read") with input as {"subject": fixture.master}
}

test_reseller_can_hold_an_area_that_the_ceiling_names if {
	limits := {"reseller_ceiling": {"*": ["read"], "sip-admin": ["update"]}}
	areas.permits("sip-admin", "update") with input as {"subject": listed} with data.limits as limits
	areas.permits("sip-admin/did", "update") with input as {"subject": listed} with data.limits as limits
	not areas.permits("sip-admin", "read") with input as {"subject": listed} with data.limits as limits
	not areas.permits("alert", "read") with input as {"subject": listed} with data.limits as limits
	not areas.permits("customer", "read") with input as {"subject": listed} with data.limits as limits
}

test_reseller_can_hold_an_area_of_the_catalog if {
	areas.permits("sip-admin", "read") with input as {"subject": listed}
		with data.catalog.area as {"sip-admin": {}}
}

test_reseller_cannot_hold_anything_without_a_ceiling if {
	not areas.permits("customer", "read") with input as {"subject": fixture.strong}
		with data.limits as {}
}

paths := ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e"]

# Of several rows along a path, the longest decides about all areas below it.
test_anyone_can_use_the_nearest_row_at_any_depth if {
	every i, far in paths {
		every j, near in array.slice(paths, i, 5) {
			held := object.union({"*": ["create"]}, object.union({far: ["read"]}, {near: ["update"]}))
			every area in array.slice(paths, i + j, 5) {
				{l | some l in fixture.crud; areas.granted(held, area, l)} == {"update"}
			}
			every area in array.slice(paths, i, i + j) {
				{l | some l in fixture.crud; areas.granted(held, area, l)} == {"read"}
			}
			every area in array.slice(paths, 0, i) {
				{l | some l in fixture.crud; areas.granted(held, area, l)} == {"create"}
			}
		}
	}
}

test_anyone_cannot_hold_all_by_a_row_without_a_name if {
	every area in ["cdr", "cdr/export"] {
		not areas.granted({"": fixture.crud}, area, "read")
	}
}

test_account_of_no_known_kind_cannot_hold_anything if {
	odd := object.union(fixture.strong, {"account": {"kind": "carrier"}})
	not areas.permits("customer", "read") with input as {"subject": odd}
}

names := [
	"customer", "card/provider", "support-ticket", "a_b", "0", "-", "a/b/c", "customer/did",
	concat("", ["a" | some _ in numbers.range(1, 200)]),
]

look_alikes := [
	"Carrier", "CARRIER", "carrier ", " carrier", "carrier\t", "carrier\n", "c\u0430rrier", "carrier\u200b",
	"carriér", "ca\u017frier", "carrier/", "/carrier", "carrier//rates", "carrier/..", ".", "..", "*", "", "carrier.x",
	"carrier%20", "carrier\u0000", "carrier,routing",
	concat("", ["a" | some _ in numbers.range(1, 201)]),
]

test_anyone_can_name_an_area if {
	every name in names {
		areas.valid(name)
		fixture.granted(fixture.ask(fixture.master, "read", "area", {"id": name}))
	}
}

# A name that looks like a closed area is denied even if a default allows everything.
test_anyone_cannot_name_a_look_alike_of_an_area if {
	every name in look_alikes {
		not areas.valid(name)
		every user in [fixture.master, fixture.strong] {
			every action in array.concat(fixture.crud, ["assign", "pay"]) {
				fixture.denial(fixture.ask(user, action, "area", {"id": name})) == {"unknown_area"}
			}
		}
	}
	every name in [1, null, ["carrier"], {"carrier": true}] {
		not areas.valid(name)
		fixture.denial(fixture.ask(fixture.strong, "read", "area", {"id": name})) == {"unknown_area"}
	}
}

test_anyone_cannot_name_a_look_alike_of_a_type if {
	row := {"id": "row_1", "properties": {"account_id": "acc_r"}}
	every name in array.concat(look_alikes, ["USER", "user ", "User", "card/ ", "Card/provider", "Area", "policy "]) {
		every user in [fixture.master, fixture.strong] {
			every action in ["create", "read", "update", "delete", "preview"] {
				fixture.denial(fixture.ask(user, action, name, row)) == {"unknown_area"}
			}
		}
	}
}

# An invalid name is denied before the user is checked.
test_user_who_may_not_act_cannot_learn_which_areas_there_are if {
	nobody := {"type": "user", "id": "usr_q"}
	every name in ["carrier", "no-such-area"] {
		fixture.denial(fixture.ask(nobody, "read", "area", {"id": name})) == {"unknown_user"}
		fixture.denial(fixture.ask(nobody, "read", name, {"id": "row_1"})) == {"unknown_user"}
	}
	fixture.denial(fixture.ask(nobody, "read", "area", {"id": "Carrier"})) == {"unknown_area"}
	fixture.denial(fixture.ask(nobody, "read", "USER", {"id": "row_1"})) == {"unknown_area"}
}
