package system.log_test

import data.system.log

test_log_cannot_hold_logins_addresses_or_tokens if {
	every path in [
		"/input/subject/properties", "/input/subject/user/login", "/input/subject/user/email",
		"/input/subject/user/external_id",
		"/input/subject/user/ip_allow", "/input/context/client_ip", "/input/context/token",
		"/input/resource/login", "/input/resource/email", "/input/resource/ip_allow",
		"/input/resource/properties/password", "/input/action/properties/token",
	] {
		path in log.mask
	}
}

test_log_cannot_hold_notes_or_money if {
	every place in ["resource", "resource/properties", "action/properties", "context"] {
		every field in ["notes", "public_notes", "cost", "price", "amount", "connect", "balance"] {
			sprintf("/input/%s/%s", [place, field]) in log.mask
		}
	}
}

test_log_can_hold_what_replay_decides_by if {
	every path in [
		"/input/subject/id", "/input/subject/access", "/input/subject/account", "/input/subject/user/status",
		"/input/action/name", "/input/action/change", "/input/resource/id", "/input/resource/account_id",
		"/input/resource/properties/account_id", "/input/context/time",
	] {
		not path in log.mask
	}
}

secrets := {
	"name", "external_id", "login", "email", "phone", "password", "ip_allow", "client_ip", "ip", "ip_address",
	"remote_addr", "address", "token", "access_token", "refresh_token", "id_token", "jwt",
	"api_key", "secret", "authorization", "cookie", "session",
}

elsewhere := {
	"notes", "public_notes", "note", "comment", "comments",
	"cost", "inter", "intra", "connect", "rate", "rates", "price", "amount", "charge",
	"balance", "credit", "credit_limit", "margin", "profit", "profit_rules", "total",
}

test_log_cannot_hold_any_of_the_listed_fields if {
	every field in secrets {
		concat("/", ["", "input", "subject", "user", field]) in log.mask
	}
	every place in ["resource", "resource/properties", "action/properties", "context"] {
		every field in secrets | elsewhere {
			concat("/", ["", "input", place, field]) in log.mask
		}
	}
}
