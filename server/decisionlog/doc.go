// Package decisionlog writes lines of JSON so that it shows later whether any of
// them was removed, changed, moved or added: each is chained to the one before by
// a keyed hash. It knows nothing of what the lines say.
//
// Beside the entries there are records, which begin with {"event": a chain was
// started or goes on in another file, a line was torn by a fault, entries were
// dropped, the log was stopped. They stand in the chain like entries.
package decisionlog
