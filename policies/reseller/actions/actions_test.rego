package reseller.actions_test

import data.reseller.actions
import data.reseller.fixture
import data.reseller.main

asking(action, kind) := {"subject": fixture.master, "action": {"name": action}, "resource": {"type": kind, "id": "cdr"}}

actions_of := {
	"account": {"create", "read", "update", "open"},
	"group": {"create", "read", "update", "delete", "assign"},
	"user": {"create", "read", "update", "delete", "preview"},
	"customer": {"create", "read", "update", "delete"},
	"card": {"create", "read", "update", "delete", "assign", "activate", "build", "accept_losses"},
	"rate": {"create", "read", "update", "delete"},
	"revision": {"read"},
	"audit": {"read"},
	"area": {"create", "read", "update", "delete", "assign", "activate", "build"},
	"invoice": {"create", "read", "update", "delete", "assign", "activate", "build"},
}

names := union({named | some named in actions_of}) | {"destroy", "", "READ"}

test_anyone_can_use_the_actions_of_a_type if {
	every kind, named in actions_of {
		every name in named {
			actions.exists with input as asking(name, kind)
		}
	}
}

test_anyone_cannot_use_another_action if {
	every kind, named in actions_of {
		every name in names - named {
			not actions.exists with input as asking(name, kind)
			fixture.denial(asking(name, kind)) == {"unknown_action"}
		}
	}
}

test_anyone_can_tell_an_actions_letter if {
	letters := {
		"create": "create", "read": "read", "update": "update", "delete": "delete",
		"assign": "update", "activate": "update", "build": "create", "preview": "read",
		"accept_losses": "update", "open": "update",
	}
	every name, letter in letters {
		needed := actions.needs with input as asking(name, "card")
		needed == {letter}
	}
}

test_reader_of_groups_can_put_users_in_them if {
	actions.needs == {"read"} with input as asking("assign", "group")
}

test_catalog_can_add_an_action if {
	pay := {"pay": {"access": "update"}}
	fixture.granted(asking("pay", "area")) with data.catalog.action as pay
	fixture.denial(asking("pay", "area")) == {"unknown_action"}
}

test_catalog_cannot_add_an_action_to_an_own_type if {
	pay := {"pay": {"access": "update"}}
	every kind in ["account", "group", "user", "customer", "card", "rate", "revision", "audit"] {
		fixture.denial(asking("pay", kind)) == {"unknown_action"} with data.catalog.action as pay
		not "update" in actions.needs with input as asking("pay", kind) with data.catalog.action as pay
	}
}

test_catalog_cannot_change_a_standard_action if {
	lax := {name: {"access": "read"} | some name in ["delete", "preview", "accept_losses", "open"]}
	every name, _ in lax {
		not main.allow with input as object.union(asking(name, "area"), {"subject": fixture.reseller})
			with data.catalog.action as lax
	}
}

test_catalog_cannot_give_more_than_the_letter_it_names if {
	pay := {"pay": {"access": "update"}}
	asked := object.union(asking("pay", "area"), {"subject": fixture.reseller})
	fixture.denial(asked) == {"area_denied"} with data.catalog.action as pay
}
