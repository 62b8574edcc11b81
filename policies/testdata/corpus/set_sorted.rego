# refused: sort over the row in rule data.reseller.main.allow
# A sorted set.
package reseller.main

allow if {
	sort(input.resource.assigned_to) == ["acc_r1"]
}
