// Package fault holds the errors that a store gives, so that every room of it can
// give them: sentinels for errors.Is, and faults of single fields and constraints.
package fault
