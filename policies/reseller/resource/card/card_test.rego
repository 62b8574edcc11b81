package reseller.resource.card_test

import data.reseller.fixture
import data.reseller.main

card(account, kind, resellers) := fixture.row(account, {"kind": kind, "assigned_to": resellers})

carrier := card("acc_m", "provider", [])

retail := card("acc_r", "customer", [])

assigned := card("acc_m", "customer", ["acc_o", "acc_r"])

allowed(user, action, columns) if fixture.granted(fixture.ask(user, action, "card", columns))

refused(user, action, columns) := fixture.denial(fixture.ask(user, action, "card", columns))

test_master_can_see_every_card_of_its_tenant_and_cannot_see_anothers if {
	every columns in [carrier, retail, assigned, card("acc_s", "customer", [])] {
		allowed(fixture.master, "read", columns)
		refused(fixture.stranger, "read", columns) == {"not_visible"}
	}
}

test_master_can_see_the_kind_it_has_access_to_and_cannot_see_the_other if {
	buyer := fixture.holding(fixture.master, {"card/customer": []})
	allowed(buyer, "read", carrier)
	refused(buyer, "read", retail) == {"not_visible"}
	seller := fixture.holding(fixture.master, {"card/provider": []})
	allowed(seller, "read", retail)
	refused(seller, "read", carrier) == {"not_visible"}
}

test_reseller_can_see_own_cards_those_below_and_assigned_ones if {
	every columns in [retail, card("acc_s", "customer", []), assigned] {
		allowed(fixture.reseller, "read", columns)
	}
}

test_reseller_cannot_see_provider_cards if {
	every account in ["acc_m", "acc_r", "acc_s", "acc_o"] {
		refused(fixture.strong, "read", card(account, "provider", ["acc_r"])) == {"not_visible"}
	}
}

test_reseller_cannot_see_cards_not_assigned_to_it if {
	refused(fixture.reseller, "read", card("acc_m", "customer", [])) == {"not_visible"}
	refused(fixture.reseller, "read", card("acc_m", "customer", ["acc_o", "acc_s"])) == {"not_visible"}
	refused(fixture.reseller, "read", card("acc_o", "customer", [])) == {"not_visible"}
}

test_grandchild_can_see_one_level_up_and_cannot_see_two if {
	allowed(fixture.grandchild, "read", card("acc_r", "customer", ["acc_s"]))
	refused(fixture.grandchild, "read", retail) == {"not_visible"}
	refused(fixture.grandchild, "read", assigned) == {"not_visible"}
}

test_reseller_cannot_see_a_relation_whose_area_it_lacks if {
	seller := fixture.holding(fixture.reseller, {"card/provider": []})
	refused(seller, "read", assigned) == {"not_visible"}
	allowed(seller, "read", retail)
	buyer := fixture.holding(fixture.reseller, {"card/customer": []})
	refused(buyer, "read", retail) == {"not_visible"}
	allowed(buyer, "read", assigned)
}

test_user_without_access_cannot_see_cards if {
	blind := fixture.holding(fixture.reseller, {"card/customer": [], "card/provider": []})
	every columns in [retail, assigned, carrier] {
		refused(blind, "read", columns) == {"area_denied"}
	}
}

test_owner_can_activate_only_with_a_row_for_activation_that_gives_it if {
	every user, columns in {fixture.reseller: retail, fixture.master: carrier} {
		area := concat("/", ["card", columns.kind, "activation"])
		maker := fixture.holding(user, {area: ["read"]})
		refused(maker, "activate", columns) == {"area_denied"}
		allowed(maker, "update", columns)
		second := fixture.holding(user, {concat("/", ["card", columns.kind]): ["read"], area: ["update"]})
		allowed(second, "activate", columns)
		refused(second, "update", columns) == {"area_denied"}
	}
}

made(user, maker) := object.union(
	fixture.ask(user, "activate", "card", retail),
	{"action": {"properties": {"made_by": maker}}},
)

test_owner_can_activate_its_own_revision_unless_policy_data_demands_another if {
	fixture.granted(made(fixture.reseller, fixture.reseller.id))
	every maker in ["", fixture.reseller.id] {
		fixture.denial(made(fixture.reseller, maker)) == {"own_revision"} with data.limits.activation_by_another as true
		fixture.granted(made(fixture.reseller, maker)) with data.limits.activation_by_another as false
	}
	fixture.granted(made(fixture.reseller, "usr_second")) with data.limits.activation_by_another as true
	allowed(fixture.reseller, "activate", retail) with data.limits.activation_by_another as true
	built := object.union(made(fixture.reseller, ""), {"action": {"name": "build"}})
	fixture.granted(built) with data.limits.activation_by_another as true
}

test_stranger_cannot_learn_that_a_revision_is_its_own if {
	foreign := object.union(made(fixture.master, fixture.master.id), {"resource": retail})
	fixture.denial(foreign) == {"card_not_own"} with data.limits.activation_by_another as true
}

test_owner_can_write_its_cards if {
	every action in ["create", "update", "delete", "activate", "assign", "build"] {
		allowed(fixture.reseller, action, retail)
	}
	every action in ["create", "update", "delete", "activate"] {
		allowed(fixture.master, action, carrier)
	}
}

test_owner_cannot_write_without_the_letter if {
	reader := fixture.holding(fixture.reseller, {"card/customer": ["read"]})
	every action in ["create", "update", "delete", "activate", "assign", "build"] {
		refused(reader, action, retail) == {"area_denied"}
	}
}

test_owner_cannot_build_or_activate_without_seeing_what_from if {
	seller := fixture.holding(fixture.reseller, {"card/provider": []})
	refused(seller, "build", retail) == {"area_denied"}
	refused(seller, "activate", retail) == {"area_denied"}
	allowed(seller, "create", retail)
	allowed(seller, "update", retail)
}

test_owner_cannot_change_charges_without_seeing_what_they_are_held_against if {
	seller := fixture.holding(fixture.reseller, {"card/provider": []})
	every field in ["charge_precision", "charge_rounding", "direction", "routing"] {
		changed := {"fields": ["name", field]}
		fixture.denial(fixture.write(seller, "update", "card", retail, changed)) == {"area_denied"}
		fixture.granted(fixture.write(fixture.reseller, "update", "card", retail, changed))
	}
	fixture.granted(fixture.write(seller, "update", "card", retail, {"fields": ["name", "rate_precision"]}))
}

test_master_can_change_charges_of_a_provider_card_by_its_letters if {
	buyer := fixture.holding(fixture.master, {"card/customer": []})
	changed := {"fields": ["charge_precision"]}
	fixture.granted(fixture.write(buyer, "update", "card", carrier, changed))
}

test_reseller_cannot_write_an_assigned_card if {
	every action in ["update", "delete", "activate", "assign", "build", "accept_losses"] {
		refused(fixture.strong, action, assigned) == {"card_not_own"}
	}
	refused(fixture.strong, "create", assigned) == {"not_visible"}
}

test_master_cannot_write_a_resellers_card if {
	every action in ["create", "update", "delete", "activate", "assign", "build"] {
		refused(fixture.master, action, retail) == {"card_not_own"}
	}
}

test_reseller_cannot_write_a_card_below if {
	refused(fixture.strong, "create", card("acc_s", "customer", [])) == {"card_not_own"}
	refused(fixture.strong, "update", card("acc_s", "customer", [])) == {"card_not_own"}
}

test_reseller_cannot_make_a_provider_card if {
	refused(fixture.strong, "create", card("acc_r", "provider", [])) == {"area_denied"}
}

test_reseller_cannot_make_a_provider_card_under_a_lax_ceiling if {
	not main.allow with input as fixture.ask(fixture.strong, "create", "card", card("acc_r", "provider", []))
		with data.limits.reseller_ceiling as fixture.everything
}

test_master_cannot_assign_or_build_a_provider_card if {
	refused(fixture.master, "assign", carrier) == {"card_not_customer"}
	refused(fixture.master, "build", carrier) == {"card_not_customer"}
}

test_owner_can_accept_losses_with_the_area_and_cannot_without if {
	risky := fixture.holding(fixture.reseller, {"card/loss": ["update"]})
	allowed(risky, "accept_losses", retail)
	refused(fixture.reseller, "accept_losses", retail) == {"area_denied"}
}

test_owner_cannot_accept_losses_without_seeing_what_from if {
	seller := fixture.holding(fixture.reseller, {"card/loss": ["update"], "card/provider": []})
	refused(seller, "accept_losses", retail) == {"area_denied"}
}

test_reseller_can_write_rates_of_its_own_card_and_cannot_of_an_assigned_one if {
	fixture.granted(fixture.ask(fixture.reseller, "update", "rate", retail))
	fixture.granted(fixture.ask(fixture.reseller, "read", "rate", assigned))
	fixture.denial(fixture.ask(fixture.reseller, "update", "rate", assigned)) == {"card_not_own"}
	fixture.denial(fixture.ask(fixture.reseller, "read", "rate", carrier)) == {"not_visible"}
}

test_master_cannot_see_a_kind_of_another_tenant if {
	buyer := fixture.holding(fixture.stranger, {"card/customer": []})
	refused(buyer, "read", carrier) == {"not_visible"}
	seller := fixture.holding(fixture.stranger, {"card/provider": []})
	refused(seller, "read", retail) == {"not_visible"}
}

test_master_without_access_cannot_see_cards if {
	blind := fixture.holding(fixture.master, {"card/customer": [], "card/provider": []})
	refused(blind, "read", carrier) == {"area_denied"}
	refused(blind, "read", retail) == {"area_denied"}
}

test_reseller_cannot_name_a_provider_card_elsewhere if {
	refused(fixture.strong, "create", card("acc_o", "provider", [])) == {"not_visible"}
	buyer := fixture.holding(fixture.reseller, {"card/customer": []})
	refused(buyer, "create", retail) == {"not_visible"}
	seller := fixture.holding(fixture.reseller, {"card/provider": []})
	refused(seller, "create", card("acc_r", "provider", [])) == {"not_visible"}
}

test_master_cannot_write_by_the_letter_of_the_other_kind if {
	buyer := fixture.holding(fixture.master, {"card/customer": ["read"]})
	fixture.granted(fixture.ask(buyer, "update", "card", carrier))
	refused(buyer, "update", card("acc_m", "customer", [])) == {"area_denied"}
	seller := fixture.holding(fixture.master, {"card/provider": ["read"]})
	fixture.granted(fixture.ask(seller, "update", "card", card("acc_m", "customer", [])))
	refused(seller, "update", carrier) == {"area_denied"}
}

test_owner_can_update_but_cannot_accept_losses_by_the_cards_letter if {
	risky := fixture.holding(fixture.reseller, {"card/loss": ["update"], "card/customer": ["read"]})
	allowed(risky, "accept_losses", retail)
	refused(risky, "update", retail) == {"area_denied"}
}

test_owner_cannot_change_a_cards_kind if {
	changed := fixture.write(fixture.reseller, "update", "card", retail, {"fields": ["kind"]})
	fixture.denial(changed) == {"column_not_writable"}
}

test_reseller_cannot_learn_more_about_writing_an_assigned_card if {
	changed := fixture.write(fixture.reseller, "update", "card", assigned, {"fields": ["kind"]})
	fixture.denial(changed) == {"card_not_own"}
	refused(fixture.master, "build", card("acc_r", "provider", [])) == {"card_not_own"}
}

test_reader_cannot_learn_more_about_writing_an_assigned_card if {
	reader := fixture.holding(fixture.reseller, {"card/customer": ["read"]})
	refused(reader, "update", assigned) == {"card_not_own"}
}

test_master_cannot_write_its_provider_cards_without_reading_them if {
	writer := fixture.holding(fixture.master, {"card/provider": ["create", "update", "delete"]})
	every action in ["create", "update", "delete", "activate"] {
		refused(writer, action, carrier) == {"not_visible"}
	}
}

test_owner_cannot_write_its_customer_cards_without_reading_them if {
	every user in [fixture.master, fixture.reseller] {
		writer := fixture.holding(user, {"card/customer": ["create", "update", "delete"]})
		every action in ["create", "update", "delete", "activate"] {
			refused(writer, action, card(user.account.id, "customer", [])) == {"not_visible"}
		}
	}
}

test_master_cannot_read_a_card_of_another_tenant_by_its_owner_alone if {
	every kind in ["provider", "customer"] {
		torn := {"id": "row_1", "account_id": "acc_m", "tenant_id": "acc_x", "kind": kind}
		refused(fixture.master, "read", torn) == {"not_visible"}
	}
}

test_reseller_can_learn_that_it_may_not_make_a_provider_card_by_reading_them if {
	refused(fixture.reseller, "create", card("acc_r", "provider", [])) == {"area_denied"}
}

# Nobody can assign a card to a master, because no account is above it.
test_master_cannot_see_a_card_of_another_tenant_that_names_it if {
	refused(fixture.master, "read", card("acc_x", "customer", ["acc_m"])) == {"not_visible"}
}
