# refused: with in rule data.reseller.main.allow, which depends on the row
# With on the subject.
package reseller.main

own if input.resource.account_id == input.subject.account.id

allow if {
	own with input.subject.account.id as "acc_r1"
}
