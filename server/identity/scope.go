package identity

import "strings"

// Scope is a set of things that a token may be used for.
type Scope uint8

// Scopes that a route requires or that a token has.
const (
	ScopeNone     Scope = 0 // any authenticated caller
	ScopeData     Scope = 1 << iota
	ScopeDecide         // ask for decisions
	ScopeFilter         // ask for filters
	ScopePreview        // Resellerd-As
	ScopeWrite          // change data
	ScopeIdentity       // set the external ids of users
	// scopeDefault is the scope of a token without a list of scopes: everything but
	// ScopeIdentity.
	scopeDefault = ScopeData | ScopeDecide | ScopeFilter | ScopePreview | ScopeWrite
	// ScopeUser is the scope of a user's own token.
	ScopeUser = ScopeData | ScopeDecide | ScopeWrite
)

var scopeNames = map[string]Scope{
	"data": ScopeData, "decide": ScopeDecide, "filter": ScopeFilter,
	"preview": ScopePreview, "write": ScopeWrite, "identity": ScopeIdentity,
}

// Has reports whether s contains all scopes of want.
func (s Scope) Has(want Scope) bool { return s&want == want }

// String returns the name of a single scope, "none" for all other values.
func (s Scope) String() string {
	for name, one := range scopeNames {
		if one == s {
			return name
		}
	}
	return "none"
}

// parseScopes reads scopes such as "data,decide". It returns false if one of the names is
// no scope.
func parseScopes(word string) (set Scope, ok bool) {
	for name := range strings.SplitSeq(word, ",") {
		one, known := scopeNames[name]
		if !known && name != "" {
			return 0, false
		}
		set |= one
	}
	return set, set != 0 || word != ""
}
