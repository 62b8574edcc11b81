# equal
# A rule for each type, which a variable leads to.
package reseller.main

kind := input.resource.type

allow if resource[kind].allow

view := resource[kind].view

resource.card.allow if input.resource.account_id in input.subject.below

resource.card.view := "own" if input.resource.account_id == input.subject.account.id

resource.card.view := "below" if not input.resource.account_id == input.subject.account.id

resource.customer.view := "kind" if input.resource.kind == "customer"

columns contains "id"
