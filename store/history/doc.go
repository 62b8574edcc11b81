// Package history follows which state of the data the database is in, and keeps
// answers for as long as that state stands.
//
// Its terms:
//
//	data revision  a commit: its number, and a random mark that tells it from
//	               another commit of that number
//	history        the commits that the database has
//	observation    what one statement found out about the history, in the same
//	               moment as whatever else its transaction reads
//	state          what is known: the epoch, and its newest data revision
//	epoch          the time that one state lasts; the key of caches
//	loss           the database is found without a commit that was known: an
//	               older copy is in its place, and all that was read is dropped
package history
