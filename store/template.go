package store

// DefaultReseller is the template of the group that a reseller's users start with.
// It covers the reseller's customers, customer cards and users, and reading the
// cards that the reseller buys by. It covers nothing that only a carrier has.
const DefaultReseller = "default-reseller"

// DefaultResellerGroup returns a new group from the template DefaultReseller. The
// caller must set its owner, and may change it before storing it.
func DefaultResellerGroup() Group {
	return Group{
		Name:          "Default reseller",
		PublicName:    "Reseller",
		Template:      DefaultReseller,
		Lend:          LendAll,
		DefaultAccess: "",
		Rows: Access{
			"account":        "r",
			"audit":          "r",
			"card/customer":  "crud",
			"card/provider":  "r",
			"cdr":            "r",
			"customer":       "crud",
			"group":          "r",
			"preview":        "r",
			"support-ticket": "cr",
			"user":           "crud",
		},
	}
}
