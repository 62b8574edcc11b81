// Package insight explains why the policy decides as it does, and shows what users
// may do and see: explanations, previews and dry runs. It does not know HTTP.
//
// Its terms:
//
//	reader       a session that is asked about decisions, its own and others'
//	target       a user whom the acting user may preview
//	visibility   what a user may do and sees at one moment
//	disclosure   what the reader of an explanation may see of it
//	lineage      where each letter of a user's access in an area comes from
//	wording      a condition of the target, translated to the viewer's account
//	dry run      a write that is tried, compared and rolled back
//	inspector    explanations and previews for the command line
package insight

import "resellerd/server/session"

// Reader reads what its session's acting user may know about decisions and about
// other users' views. It depends only on the session and on what the session shares.
// While it previews a target, it changes the session's subject. A Reader is for one
// goroutine.
type Reader struct{ *session.Session }
