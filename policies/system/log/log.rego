# METADATA
# title: Decision log
# description: >-
#   What never reaches the decision log: money, notes, names, logins, external ids,
#   addresses and tokens, wherever an input may carry them. The paths are the same for every entry.
package system.log

# METADATA
# title: Erased paths
# description: In the format of OPA's decision log masks. What a request claims about its subject goes whole.
# scope: document
mask contains "/input/subject/properties"

mask contains path if {
	some field in personal
	path := concat("/", ["", "input", "subject", "user", field])
}

mask contains path if {
	some place in ["resource", "resource/properties", "action/properties", "context"]
	some field in ((personal | private) | money)
	path := concat("/", ["", "input", place, field])
}

personal := {
	"name", "external_id", "login", "email", "phone", "password", "ip_allow", "client_ip", "ip", "ip_address",
	"remote_addr", "address", "token", "access_token", "refresh_token", "id_token", "jwt",
	"api_key", "secret", "authorization", "cookie", "session",
}

private := {"notes", "public_notes", "note", "comment", "comments"}

money := {
	"cost", "inter", "intra", "connect", "rate", "rates", "price", "amount", "charge",
	"balance", "credit", "credit_limit", "margin", "profit", "profit_rules", "total",
}
