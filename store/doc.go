// Package store keeps accounts, groups, users, customers, cards and their
// rates in SQLite or PostgreSQL, and reads them through typed filters: what a
// viewer must not see never leaves the database.
//
// It holds the domain types, transactions, and what becomes of revisions: how
// they are imported, built, proved and put in force. It is larger than a package
// should be, because all of that happens in one transaction of one tenant: Tx is
// the only way to write, its methods lock, check and mark each other's rows, and
// none of them is to be used without the others' checks. What needs no
// transaction has a room of its own:
//
//	fault       the errors that a store gives
//	rating      the arithmetic of rates: derive, build, prove, charge
//	dialect     what each database can do, connections, errors of drivers
//	schema      types of rows: columns, kinds, values
//	history     data revisions, and answers kept while one stands
//	query       filtered lists -> SQL, rows -> JSON
//	raterows    the rates of one revision, read in order
//	lookup      look-ups of numbers, and the memory of rates
//	valid       checks of single fields
//	cardfile    price lists as files
//	migrations  the steps of each database's schema
//	seed        rows that refer to each other by name, to fill a store with
//	storetest   stores for tests
//
// Rooms know those above them in this list, and only seed and storetest know this
// package.
//
// Its terms:
//
//	tenant         a master with all accounts below it; no transaction spans two
//	area           what access is given to, as a path: card/provider
//	access         letters of create, read, update and delete, by area
//	ceiling        the access that nobody at an account, or below it, goes beyond
//	card           a rate card; its rates hang on its revisions
//	provider card  what a carrier charges its owner
//	customer card  what its owner charges: imported, or built from parents
//	assignment     lets an account below buy by a customer card, as if by a
//	               provider's
//	parent         a card that a customer card is built from, or proved against
//	revision       one state of a card's rates; it does not change once it is
//	               made. A data revision is something else: see history
//	draft          a revision that was never in force
//	in force       of a revision: calls are rated by it. Its status is active,
//	               and a card has at most one
//	scheduled      of a draft: to be put in force at a time
//	held           of a scheduled revision: its time has come, and something
//	               kept it from being put in force
//	built          of a revision: worked out from its parents, as its recipe says
//	recipe         what a revision was built with beside its parents: how to
//	               compact, the profit rules, how rates are rounded
//	grounds        all that a build rests on; equal grounds give equal rates
//	profit rule    how a price is made of a cost, for prefixes that match
//	routing        which parent a call is bought from: the dearest or the cheapest
//	proof          the comparison of every price with what the call costs
//	loss           of a call: it costs more than it sells for. A writer may
//	               accept losses; that is recorded
//	stale          of a card: what it was built from has changed since, or is
//	               not assigned any more (withdrawn)
//	moment         a view of the data that stays the same while it is read
package store
