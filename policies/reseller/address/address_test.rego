package reseller.address_test

import data.reseller.address
import data.reseller.fixture
import data.reseller.main

office := ["192.0.2.0/24", "2001:db8::/32"]

from(ip, networks) := object.union(
	fixture.ask(object.union(fixture.master, {"user": {"ip_allow": networks}}), "read", "area", {"id": "cdr"}),
	{"context": {"client_ip": ip}},
)

nowhere(networks) := fixture.ask(
	object.union(fixture.master, {"user": {"ip_allow": networks}}),
	"read", "area", {"id": "cdr"},
)

test_unrestricted_user_can_act_from_anywhere if {
	not address.refused with input as nowhere([])
	not address.refused with input as from("203.0.113.9", [])
	fixture.granted(fixture.ask(fixture.master, "read", "area", {"id": "cdr"}))
}

test_restricted_user_can_act_from_inside if {
	every ip in ["192.0.2.1", "2001:db8::7", "::ffff:192.0.2.1"] {
		fixture.granted(from(ip, office))
	}
}

test_restricted_user_cannot_act_from_outside if {
	every ip in ["192.0.3.1", "2001:db9::7", "192.0.2.1, 10.0.0.1", "localhost", "192.0.2.1/24", 3221225985, true, null] {
		not main.allow with input as from(ip, office)
		fixture.denial(from(ip, office)) == {"client_ip_denied"}
	}
}

test_restricted_user_cannot_act_without_address if {
	fixture.denial(nowhere(office)) == {"client_ip_unknown"}
	fixture.denial(from("", office)) == {"client_ip_unknown"}
}

test_restricted_user_cannot_act_by_a_broken_list if {
	every networks in ["192.0.2.0/24", ["192.0.2.1"], ["192.0.2.0/99"], [null], [7], {}, null, true] {
		fixture.denial(from("192.0.2.1", networks)) == {"client_ip_denied"}
	}
}

test_restricted_user_can_act_by_the_good_half_of_a_list if {
	fixture.granted(from("192.0.2.1", ["nonsense", "192.0.2.0/24"]))
}

test_unrestricted_user_can_act_without_a_word_about_its_address if {
	every ip in ["203.0.113.9", "nonsense"] {
		fixture.granted(from(ip, []))
	}
	fixture.granted(nowhere([]))
}
