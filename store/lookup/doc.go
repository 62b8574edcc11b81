// Package lookup finds the rates of a phone number on every card that a viewer
// can see. It caches the rates and the viewers' cards within a memory limit. An
// answer from the cache and one from the database differ only in the time they
// take.
package lookup
