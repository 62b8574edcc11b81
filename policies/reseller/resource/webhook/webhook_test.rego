package reseller.resource.webhook_test

import data.reseller.fixture
import data.reseller.main

allowed(user, action, account) if fixture.granted(fixture.ask(user, action, "webhook", fixture.row(account, {})))

refused(user, action, account) := fixture.denial(fixture.ask(user, action, "webhook", fixture.row(account, {})))

# A reseller of an operator who opens the area.
opened := {"webhook": ["create", "read", "update", "delete"]}

test_master_can_manage_webhooks_of_its_tenant if {
	every action in fixture.crud {
		every account in ["acc_m", "acc_r", "acc_s", "acc_o"] {
			allowed(fixture.master, action, account)
		}
	}
}

test_master_cannot_see_webhooks_of_another_master if {
	every action in fixture.crud {
		refused(fixture.master, action, "acc_x") == {"not_visible"}
	}
}

test_reseller_cannot_do_anything_with_webhooks if {
	every user in [fixture.reseller, fixture.strong] {
		every action in fixture.crud {
			every account in ["acc_m", "acc_r", "acc_s", "acc_o", "acc_x"] {
				refused(user, action, account) == {"area_denied"}
			}
		}
	}
}

test_reseller_can_manage_webhooks_of_its_subtree_where_policy_data_opens_the_area if {
	every action in fixture.crud {
		every account in ["acc_r", "acc_s"] {
			allowed(fixture.strong, action, account) with data.limits.reseller_ceiling as opened
		}
	}
}

test_reseller_cannot_see_webhooks_beside_it_where_policy_data_opens_the_area if {
	every action in fixture.crud {
		every account in ["acc_m", "acc_o", "acc_x"] {
			reasons := refused(fixture.strong, action, account) with data.limits.reseller_ceiling as opened
			reasons == {"not_visible"}
		}
	}
}

test_reader_cannot_change_a_webhook_it_sees if {
	reader := fixture.holding(fixture.master, {"webhook": ["read"]})
	every action in ["create", "update", "delete"] {
		refused(reader, action, "acc_m") == {"area_denied"}
	}
	refused(reader, "update", "acc_x") == {"not_visible"}
}

test_user_without_access_cannot_see_webhooks if {
	blind := fixture.holding(fixture.master, {"webhook": ["create"]})
	refused(blind, "read", "acc_m") == {"area_denied"}
	refused(blind, "create", "acc_m") == {"area_denied"}
}

written(action, how) := fixture.write(fixture.master, action, "webhook", fixture.row("acc_m", {}), how)

more := {
	"fields": ["url"],
	"held": {"webhook": fixture.crud},
	"before": {"card": ["read"]},
	"after": {"card": ["read"]},
}

test_user_cannot_make_change_or_delete_a_webhook_that_is_told_more_than_the_user_holds if {
	every action in ["create", "update", "delete"] {
		"exceeds_delegation" in fixture.denial(written(action, more))
		not main.allow with input as written(action, more)
	}
}

test_user_can_manage_a_webhook_that_is_told_what_the_user_holds if {
	same := object.union(more, {"held": {"webhook": fixture.crud, "card": ["read"]}})
	every action in ["create", "update", "delete"] {
		fixture.granted(written(action, same))
	}
}

test_anyone_cannot_give_a_webhook_another_user_or_account if {
	every field in ["user_id", "account_id", "tenant_id", "id"] {
		fixture.denial(written("update", {"fields": [field]})) == {"column_not_writable"}
	}
}

test_master_can_see_a_webhook_without_its_secrets if {
	shown := main.decision with input as fixture.ask(fixture.master, "read", "webhook", fixture.row("acc_m", {}))
	shown.view == "full"
	shown.columns == {
		"id", "account_id", "user_id", "url", "status", "ended_reason", "old_until", "rotated_at",
		"delivered_at", "attempts", "next_at", "error", "dead_letters", "created_at", "updated_at",
	}
}
