package rowfile

import "slices"

// Kind is a kind of line.
type Kind struct {
	Type string // "account": the type of the row, and of the line
	// Owner is the field that names the owner, and OwnerID the column for it.
	Owner, OwnerID string
	// Alone says that the name is unique in the whole tenant. Other names are unique in
	// their account.
	Alone bool
	// Named says that other lines may refer to rows of this kind. All of them are kept in
	// memory.
	Named bool
	// Billed says that the row has a currency, or is about two of them: its lines may have
	// AcceptCurrency.
	Billed bool
	// Never are fields that no line may have, and what to do instead.
	Never map[string]string
}

const useOwner = "name the account in `account`, by its external id"

// Kinds are the kinds of lines, in the order in which they are imported: a row comes after
// the rows that it may refer to.
var Kinds = []Kind{
	{Type: "account", Owner: "parent", OwnerID: "parent_id", Alone: true, Named: true, Billed: true, Never: map[string]string{
		"parent_id": "name the account above in `parent`, by its external id",
		"group":     "give the group a line of its own", "user": "give the user a line of its own"}},
	{Type: "group", Owner: "account", OwnerID: "account_id", Named: true, Never: map[string]string{"account_id": useOwner}},
	{Type: "card", Owner: "account", OwnerID: "account_id", Named: true, Billed: true, Never: map[string]string{"account_id": useOwner,
		"parents": "build the card after the import", "profit_rules": "set the rules after the import"}},
	{Type: "user", Owner: "account", OwnerID: "account_id", Alone: true, Never: map[string]string{"account_id": useOwner}},
	{Type: "customer", Owner: "account", OwnerID: "account_id", Billed: true, Never: map[string]string{"account_id": useOwner}},
	{Type: Assignment, Billed: true},
}

// Assignment is the type of lines that assign a card to an account.
const Assignment = "assignment"

// AcceptCurrency is a field that is no column: it accepts that currencies differ.
const AcceptCurrency = "accept_currency"

// option reports whether a field of a line is no column, but says how to write the row.
func (k Kind) option(name string, value any) bool {
	_, truth := value.(bool)
	return k.Billed && truth && name == AcceptCurrency
}

// kindOf returns the place of a kind in Kinds, or -1.
func kindOf(typ string) int {
	return slices.IndexFunc(Kinds, func(k Kind) bool { return k.Type == typ })
}

// KindOf returns the kind of this type.
func KindOf(typ string) Kind { return Kinds[kindOf(typ)] }
