package store

// DefaultReseller is the template of the group that a reseller's users start
// with: its customers, its customer cards and its own users; reading what it
// buys; nothing of what only a carrier has.
const DefaultReseller = "default-reseller"

// DefaultResellerGroup is a new group from the template DefaultReseller. The
// caller gives it an owner and may change it before it is stored.
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
