// Package store keeps accounts, groups, users, customers, cards and their
// rates in SQLite or PostgreSQL, and reads them through typed filters. Data that
// a viewer must not see never leaves the database.
//
// The package holds the domain types, the transactions, and the import, build,
// proof and activation of revisions. It is larger than a package should be,
// because all of that happens in one transaction of one tenant. Tx is the only
// way to write: its methods lock, check and mark each other's rows, and no method
// is safe without the checks of the others. Code that needs no transaction is in
// packages of its own:
//
//	fault       the errors of a store
//	rating      the arithmetic of rates: derive, build, prove, charge
//	dialect     the abilities of each database, connections, errors of drivers
//	valid       checks of single fields
//	schema      types of rows: columns, kinds, values
//	history     data revisions, and a cache of answers for each one
//	query       filtered lists -> SQL, rows -> JSON
//	raterows    the rates of one revision, read in order
//	lookup      look-ups of numbers, and their cache of rates
//	cardfile    price lists as files
//	migrations  the steps of each database's schema
//	seed        rows that refer to each other by name, to fill a store
//	storetest   stores for tests
//
// A package may import those above it in this list. Only seed and storetest import
// this package.
//
// Its terms:
//
//	tenant         a master with all accounts below it; no transaction spans two
//	area           a path that access is given to, such as card/provider
//	access         letters of create, read, update and delete, by area
//	ceiling        the most access that users of an account, or below it, can have
//	card           a rate card; its rates belong to its revisions
//	provider card  the prices that a carrier charges the card's owner
//	customer card  the prices that the card's owner charges: imported, or built
//	               from parents
//	assignment     lets an account below buy by a customer card, as if it were a
//	               provider card
//	parent         a card that a customer card is built from, or proved against
//	revision       one state of a card's rates; it does not change once it is
//	               made. A data revision is something else: see history
//	draft          a revision that was never in force
//	in force       of a revision: calls are rated by it. Its status is active,
//	               and a card has at most one
//	scheduled      of a draft: will be put in force at a set time
//	held           of a scheduled revision: its time has come, but something
//	               kept it from being put in force
//	built          of a revision: computed from its parents, as its recipe says
//	recipe         the inputs of a build other than the parents: how to compact,
//	               the profit rules, how rates are rounded
//	grounds        all inputs of a build; equal grounds give equal rates
//	profit rule    turns a cost into a price, for the prefixes that it matches
//	routing        which parent a call is bought from: the dearest or the cheapest
//	proof          the comparison of every price with the cost of the call
//	loss           of a call: it costs more than it sells for. A writer may
//	               accept losses; the store records that
//	stale          of a card: its parents have changed since it was built, or one
//	               is not assigned any more (withdrawn)
//	moment         a view of the data that stays the same while it is read
package store
