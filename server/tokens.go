package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
)

// panelToken is a panel's key to the API, kept only as its hash.
type panelToken struct {
	hash   [sha256.Size]byte
	id     string // names the token in logs without giving it away
	tenant string // master account; empty: store-wide
	scopes scope
	listed bool // its line lists scopes
}

// panelTokens finds a token by its hash. Immutable after newPanelTokens.
type panelTokens map[[sha256.Size]byte]*panelToken

// newPanelTokens parses "[TENANT:]TOKEN [scope,…]" lines; blank lines and lines
// starting with # are skipped. Label makes the name of a token from its hash.
// Errors name the line's number, never its text.
func newPanelTokens(lines []string, label func(hash []byte) string) (panelTokens, error) {
	tokens := panelTokens{}
	for i, line := range lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		t, err := parsePanelToken(fields)
		if err != nil {
			return nil, fmt.Errorf("panel token %d: %w", i+1, err)
		}
		if _, twice := tokens[t.hash]; twice {
			return nil, fmt.Errorf("panel token %d: given twice", i+1)
		}
		t.id = "panel-" + label(t.hash[:])
		tokens[t.hash] = t
	}
	return tokens, nil
}

func parsePanelToken(fields []string) (*panelToken, error) {
	scopes, err := parseScopes(fields[1:])
	if err != nil {
		return nil, err
	}
	tenant, secret, bound := strings.Cut(fields[0], ":")
	if !bound {
		tenant, secret = "", fields[0]
	}
	switch {
	case bound && tenant == "":
		return nil, fmt.Errorf("tenant: empty before the colon")
	case secret == "" || strings.Contains(secret, ":"):
		return nil, fmt.Errorf("want [TENANT:]TOKEN")
	}
	t := &panelToken{hash: sha256.Sum256([]byte(secret)), tenant: tenant, scopes: scopes, listed: scopes != 0}
	if !t.listed {
		t.scopes = scopeDefault
	}
	return t, nil
}

// find returns the token with this secret. The map is keyed by SHA-256, so how
// long a miss takes says nothing about any secret; a hit is compared in
// constant time.
func (p panelTokens) find(secret []byte) (*panelToken, bool) {
	hash := sha256.Sum256(secret)
	t, ok := p[hash]
	if !ok || subtle.ConstantTimeCompare(t.hash[:], hash[:]) != 1 {
		return nil, false
	}
	return t, true
}

// count counts the tokens that match.
func (p panelTokens) count(matches func(*panelToken) bool) (n int) {
	for _, t := range p {
		if matches(t) {
			n++
		}
	}
	return n
}

// tokenLabel names a token by the first bytes of a keyed hash of its hash, so
// that a log reader cannot test guesses.
func tokenLabel(k *sealer) func([]byte) string {
	return func(hash []byte) string { return hex.EncodeToString(k.mac("panel-token", hash)[:4]) }
}
