package reseller.main_test

import data.reseller.fixture
import data.reseller.main

users := [
	fixture.master,
	fixture.reseller,
	fixture.holding(fixture.reseller, {"card/customer": ["read"], "user": [], "account": []}),
	{"type": "user", "id": "nobody"},
]

kinds := ["account", "group", "user", "customer", "card", "rate", "audit", "area", "cdr", "policy"]

actions := ["create", "read", "update", "assign", "destroy"]

changes := [
	{"properties": {"account_id": "acc_r", "parent_id": "acc_m"}},
	{"change": {"fields": ["account_id"], "before": fixture.template, "after": {"cdr": ["delete"]}}},
]

rows := [fixture.row(owner, more) |
	some owner in ["acc_m", "acc_s"]
	some more in [
		{"kind": "customer", "lend": "all", "assigned_to": ["acc_r"], "actor_account_id": "acc_r"},
		{"kind": "provider", "parent_id": owner, "depth": 9, "id": owner, "properties": {"account_id": owner}},
	]
]

# All questions whose decision contradicts itself.
odd contains question if {
	some user in users
	some kind in kinds
	some action in actions
	some row in rows
	some change in changes
	question := object.union(fixture.ask(user, action, kind, row), {"action": change})
	decision := main.decision with input as question
	inconsistent(decision)
}

inconsistent(decision) if {
	decision.allow
	count(decision.reasons) > 0
}

inconsistent(decision) if {
	not decision.allow
	count(decision.reasons) == 0
}

inconsistent(decision) if {
	not decision.allow
	object.keys(decision) != {"allow", "reasons"}
}

inconsistent(decision) if {
	"not_visible" in decision.reasons
	count(decision.reasons) > 1
}

test_policy_cannot_deny_without_a_reason_nor_allow_with_one if odd == set()

test_policy_cannot_show_a_stored_row_without_view_and_columns if {
	every kind in ["account", "group", "user", "customer", "card", "rate"] {
		every row in rows {
			decision := main.decision with input as fixture.ask(fixture.reseller, "read", kind, row)
			showing(decision)
		}
	}
}

showing(decision) if not decision.allow

showing(decision) if {
	decision.allow
	is_string(decision.view)
	count(decision.columns) > 0
}

test_anyone_cannot_read_an_empty_question if {
	main.decision == {"allow": false, "reasons": {"unknown_user"}} with input as {}
}

# Every action on a row requires that the user can read it.
test_writer_cannot_act_on_rows_it_cannot_read if {
	every user in [fixture.master, fixture.reseller] {
		every kind in ["account", "group", "user", "customer", "card", "rate"] {
			blind := fixture.holding(user, {
				kind: ["create", "update", "delete"],
				"card/customer": ["create", "update", "delete"],
				"card/provider": ["create", "update", "delete"],
			})
			every action in ["create", "read", "update"] {
				row := fixture.row(user.account.id, {"kind": "customer", "parent_id": user.account.id, "depth": 1})
				fixture.denial(fixture.ask(blind, action, kind, row)) == {"area_denied"}
			}
		}
	}
}

# A row of resellerd's own types follows its own rules, whatever a request says about it.
test_anyone_cannot_pass_an_own_row_for_one_of_the_panels if {
	every user in [fixture.master, fixture.strong] {
		every kind in ["account", "group", "user", "customer", "card", "rate", "revision", "audit"] {
			posed := fixture.row("acc_x", {
				"kind": "customer", "lend": "none", "assigned_to": [],
				"properties": {"account_id": user.account.id},
			})
			fixture.denial(fixture.ask(user, "read", kind, posed)) == {"not_visible"}
			catalog := {kind: {"row_1": {"account_id": user.account.id}}}
			fixture.denial(fixture.ask(user, "read", kind, posed)) == {"not_visible"} with data.catalog as catalog
		}
	}
}

test_anyone_can_read_the_reason_whatever_owner_a_request_names if {
	posed := fixture.row("acc_r", {"properties": {"account_id": "acc_x"}})
	moved := fixture.write(fixture.reseller, "update", "customer", posed, {"fields": ["account_id"]})
	fixture.denial(moved) == {"customer_owner_immutable"}
}
