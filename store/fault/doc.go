// Package fault holds the errors that the store and its packages return: sentinels
// for errors.Is, and errors about single fields and constraints.
package fault
