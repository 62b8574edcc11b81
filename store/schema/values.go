package schema

// The kinds of cards, from the view of their owner.
const (
	ProviderCard = "provider" // charged by an upstream carrier
	CustomerCard = "customer" // charged to customers
)

// The defaults for a card that sets no way to compact or to route. With both
// defaults, the card undercuts no parent's price.
const (
	DefaultCompact = "max"
	DefaultRouting = "dearest"
)

// The kinds of accounts.
const (
	Master   = "master"
	Reseller = "reseller"
)

// The statuses. Accounts and customers have the first three, users Active or Disabled.
const (
	Active    = "active"
	Suspended = "suspended"
	Closed    = "closed"
	Disabled  = "disabled"
)

// The accounts that a group is lent to.
const (
	LendNone = "none"
	LendAll  = "all"  // to every account directly below its owner
	LendSome = "some" // to the accounts in LentTo
)

func orDefault(value *string, otherwise string) {
	if *value == "" {
		*value = otherwise
	}
}
