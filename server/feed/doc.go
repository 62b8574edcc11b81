// Package feed tells a user what changed of the data that it sees. It does not know
// HTTP.
//
// Its terms:
//
//	change   a row that a commit changed, as the store keeps it
//	item     a change as its reader is told: a type and an id
//	cursor   the last item that a reader was told, and the rights that it had
//	reset    the reader drops everything that it keeps and reads it anew
package feed
