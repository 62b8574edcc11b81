// Package insight answers why the policy decides as it does, and what users may do
// and see: explanations, previews and dry runs. It knows no HTTP.
//
// Its terms:
//
//	reader       a session that is asked about decisions, its own and others'
//	target       a user whom the acting user may preview
//	visibility   what a user may do and sees at one moment
//	disclosure   what the reader of an explanation may be shown of it
//	lineage      where each letter that a user holds in an area comes from
//	wording      a condition of a target's, put into words of its viewer
//	dry run      a write that is tried, compared and taken back
//	inspector    explanations and previews for the command line
package insight

import "resellerd/server/session"

// Reader reads what the acting user of its session may know of decisions and of
// what users see. The session, and what it shares with others, is all that it
// depends on: the store, the policy, the log and the memory of decisions. While it
// looks with a target's eyes, it changes the session's subject. It is used by one
// goroutine.
type Reader struct{ *session.Session }
