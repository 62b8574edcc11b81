# equal
# Absent is among nothing.
package reseller.main

allow if {
	not input.resource.public_name in {"a", "%", "_"}
}
