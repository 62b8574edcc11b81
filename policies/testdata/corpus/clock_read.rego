# refused: time.now_ns is not available to policies: use input.context.time
# The clock is in the input.
package reseller.main

allow if {
	time.now_ns() > 0
	input.resource.kind == "customer"
}
