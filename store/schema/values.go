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
