package reseller.subject_test

import data.reseller.fixture
import data.reseller.main
import data.reseller.subject

asking(user) := fixture.ask(user, "read", "area", {"id": "cdr"})

test_master_can_act if {
	subject.admitted with input as asking(fixture.master)
	subject.is_master with input as asking(fixture.master)
	not subject.is_reseller with input as asking(fixture.master)
}

test_reseller_can_act if {
	subject.admitted with input as asking(fixture.reseller)
	subject.is_reseller with input as asking(fixture.reseller)
	not subject.is_master with input as asking(fixture.reseller)
}

test_unknown_user_cannot_act_whatever_it_claims if {
	claims := {"type": "user", "id": "mallory", "properties": {"role": "admin", "account": {"kind": "master"}}}
	not main.allow with input as asking(claims)
	fixture.denial(asking(claims)) == {"unknown_user"}
	fixture.denial({}) == {"unknown_user"}
}

test_other_subjects_cannot_act_as_users if {
	fixture.denial(asking(object.union(fixture.master, {"type": "service"}))) == {"unknown_user"}
	fixture.denial(asking(object.union(fixture.master, {"account": {"kind": "god"}}))) == {"unknown_user"}
}

test_disabled_user_cannot_act if {
	disabled := object.union(fixture.master, {"user": {"status": "disabled"}})
	fixture.denial(asking(disabled)) == {"user_disabled"}
	not main.allow with input as asking(disabled)
}

test_user_of_a_suspended_account_cannot_act if {
	every status in ["suspended", "closed", ""] {
		held := object.union(fixture.reseller, {"account": {"status": status}})
		fixture.denial(asking(held)) == {"account_suspended"}
		not main.allow with input as asking(held)
	}
}

test_user_without_group_cannot_act if {
	every user in [object.union(fixture.master, {"groups": []}), object.remove(fixture.reseller, ["groups"])] {
		fixture.denial(asking(user)) == {"no_group"}
		not main.allow with input as asking(user)
	}
}

test_user_with_several_faults_can_read_them_all if {
	broken := object.union(fixture.reseller, {
		"groups": [], "user": {"status": "disabled"},
		"account": {"status": "closed"},
	})
	fixture.denial(asking(broken)) == {"no_group", "user_disabled", "account_suspended"}
}

test_unknown_user_cannot_learn_where_to_act_from if {
	posed := object.union(fixture.master, {"type": "service", "user": {"ip_allow": ["192.0.2.0/24"]}})
	fixture.denial(asking(posed)) == {"unknown_user"}
}
