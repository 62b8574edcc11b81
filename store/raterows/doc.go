// Package raterows reads the rates of one stored revision, in the order of their
// prefixes. It reads them in batches, so that the connection is free between two
// reads.
package raterows
