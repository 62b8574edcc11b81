# equal
# Two views for one row deny it, also when a variable leads to them.
package reseller.main

kind := input.resource.type

allow if resource[kind].allow

view := resource[kind].view

resource.card.allow if input.resource.account_id in input.subject.below

resource.card.view := "kind" if input.resource.kind == "customer"

resource.card.view := "own" if input.resource.account_id == input.subject.account.id

columns contains "id"
