package schema

// The kinds of cards, as their owner sees them.
const (
	ProviderCard = "provider" // what an upstream carrier charges
	CustomerCard = "customer" // what customers are charged
)

// The ways to compact and to route that hold where a card names none. Both are
// those by which no parent's price is undercut.
const (
	DefaultCompact = "max"
	DefaultRouting = "dearest"
)
