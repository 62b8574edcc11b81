# METADATA
# title: Client address
# description: >-
#   A user with an allow list of networks acts only from an address inside one
#   of them. Nothing here reads the row, so it is a guard beside a filter.
package reseller.address

# METADATA
# title: The client address rules the request out
# description: An allow list that is anything but a list of networks matches no address.
refused if {
	restricted
	not inside
}

# METADATA
# title: Client address unknown
# description: The user may act only from certain networks, and no client address was sent.
# custom:
#   code: client_ip_unknown
reasons contains rego.metadata.rule().custom.code if {
	restricted
	not stated
}

# METADATA
# title: Client address outside the allow list
# description: The client address is in none of the networks that the user may act from.
# custom:
#   code: client_ip_denied
reasons contains rego.metadata.rule().custom.code if {
	restricted
	stated
	not inside
}

restricted if input.subject.user.ip_allow != []

stated if input.context.client_ip != ""

inside if {
	is_string(input.context.client_ip)
	net.cidr_is_valid(concat("/", [input.context.client_ip, "32"]))
	some network in input.subject.user.ip_allow
	net.cidr_is_valid(network)
	net.cidr_contains(network, input.context.client_ip)
}
