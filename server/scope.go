package server

import (
	"fmt"
	"strings"
)

// scope is one thing a panel token may be used for.
type scope uint8

const (
	scopeNone    scope = 0 // any authenticated caller
	scopeData    scope = 1 << iota
	scopeDecide        // ask for decisions
	scopeFilter        // ask for filters
	scopePreview       // Resellerd-As
	scopeWrite         // change data
	scopeAll     = scopeData | scopeDecide | scopeFilter | scopePreview | scopeWrite
	// scopeUser is what a user's own token opens.
	scopeUser = scopeData | scopeDecide | scopeWrite
)

var scopeNames = map[string]scope{
	"data": scopeData, "decide": scopeDecide, "filter": scopeFilter,
	"preview": scopePreview, "write": scopeWrite,
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

// parseScopes reads "data,decide" or "data decide"; nothing means all.
func parseScopes(words []string) (scope, error) {
	var set scope
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
	if set == 0 {
		return scopeAll, nil
	}
	return set, nil
}
