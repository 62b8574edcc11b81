package identity

import (
	"fmt"
	"strings"
)

// Scope is one thing a panel token may be used for.
type Scope uint8

// What a route asks for, and what a user's own token opens.
const (
	ScopeNone     Scope = 0 // any authenticated caller
	ScopeData     Scope = 1 << iota
	ScopeDecide         // ask for decisions
	scopeFilter         // ask for filters
	ScopePreview        // Resellerd-As
	ScopeWrite          // change data
	ScopeIdentity       // set the external ids of users
	// scopeDefault is what a token without a list of scopes opens: everything
	// but who a user is.
	scopeDefault = ScopeData | ScopeDecide | scopeFilter | ScopePreview | ScopeWrite
	// ScopeUser is what a user's own token opens.
	ScopeUser = ScopeData | ScopeDecide | ScopeWrite
)

var scopeNames = map[string]Scope{
	"data": ScopeData, "decide": ScopeDecide, "filter": scopeFilter,
	"preview": ScopePreview, "write": ScopeWrite, "identity": ScopeIdentity,
}

// Has reports whether all scopes of want are among s.
func (s Scope) Has(want Scope) bool { return s&want == want }

// String lists the scopes by name.
func (s Scope) String() string {
	for name, one := range scopeNames {
		if one == s {
			return name
		}
	}
	return "none"
}

// parseScopes reads "data,decide" or "data decide"; 0 when no scope is listed.
func parseScopes(words []string) (set Scope, err error) {
	for _, w := range words {
		for name := range strings.SplitSeq(w, ",") {
			if name == "" {
				continue
			}
			one, ok := scopeNames[name]
			if !ok {
				return 0, fmt.Errorf("scope %q: unknown", name)
			}
			set |= one
		}
	}
	return set, nil
}
