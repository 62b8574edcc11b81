# equal
# No key, no value.
package reseller.main

letters := {"a": "p", "A": "c"}

allow if {
	not letters[input.resource.public_name] == "p"
}
