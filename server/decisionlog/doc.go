// Package decisionlog writes lines of JSON so that a later check finds lines that
// were removed, changed, moved or added. A keyed hash chains each line to the
// previous one. The package does not know what the lines mean.
//
// Besides entries, the log contains records, which begin with {"event":. A record
// says that a chain was started or continues in another file, that a failure left a
// broken line, that entries were dropped, or that the log was stopped. A record
// also holds a profile, which later entries refer to. Records are part of the chain.
package decisionlog
