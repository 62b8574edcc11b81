// Package raterows reads the rates of one stored revision, in the order of their
// prefixes: some at a time, so that a connection is free between two reads.
package raterows
