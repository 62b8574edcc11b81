// Package history tracks the state of the data in the database, and caches
// answers as long as that state is current.
//
// Its terms:
//
//	data revision  a commit: its number, and a random mark that distinguishes it
//	               from another commit with that number
//	history        the commits that the database has
//	observation    what one statement found out about the history, in the same
//	               moment as everything else that its transaction reads
//	state          what is known: the epoch, and its newest data revision
//	epoch          the time that one state lasts; the key of caches
//	loss           the database lacks a commit that was known, because an older
//	               copy has replaced it; everything that was read is dropped
package history
