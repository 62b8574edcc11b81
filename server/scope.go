package server

import (
	"fmt"
	"strings"
)

// scope is one thing a panel token may be used for.
type scope uint8

const (
	scopeNone     scope = 0 // any authenticated caller
	scopeData     scope = 1 << iota
	scopeDecide         // ask for decisions
	scopeFilter         // ask for filters
	scopePreview        // Resellerd-As
	scopeWrite          // change data
	scopeIdentity       // set the external ids of users
	// scopeDefault is what a token without a list of scopes opens: everything
	// but who a user is.
	scopeDefault = scopeData | scopeDecide | scopeFilter | scopePreview | scopeWrite
	// scopeUser is what a user's own token opens.
	scopeUser = scopeData | scopeDecide | scopeWrite
)

var scopeNames = map[string]scope{
	"data": scopeData, "decide": scopeDecide, "filter": scopeFilter,
	"preview": scopePreview, "write": scopeWrite, "identity": scopeIdentity,
}

func (s scope) has(want scope) bool { return s&want == want }

func (s scope) String() string {
	for name, one := range scopeNames {
		if one == s {
			return name
		}
	}
	return "none"
}

// parseScopes reads "data,decide" or "data decide"; 0 when no scope is listed.
func parseScopes(words []string) (set scope, err error) {
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
