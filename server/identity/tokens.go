package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PanelToken is a panel's key to the API. Only its hash is kept.
type PanelToken struct {
	hash   [sha256.Size]byte
	ID     string // identifies the token in logs without revealing it
	Tenant string // master account; empty: store-wide
	Scopes Scope
	Listed bool // the token's line lists scopes
	Short  bool // the token has fewer than LeastToken characters
}

// LeastToken is the number of characters under which a token can be guessed.
const LeastToken = 16

// PanelTokens finds a token by its hash. It is immutable after NewPanelTokens.
type PanelTokens map[[sha256.Size]byte]*PanelToken

// NewPanelTokens parses "[TENANT:]TOKEN [scope,…]" lines. It skips blank lines and
// lines that start with #. label makes the id of a token from its hash. An error
// gives the line number and never the token.
func NewPanelTokens(lines []string, label func(hash []byte) string) (PanelTokens, error) {
	tokens := PanelTokens{}
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
		t.ID = "panel-" + label(t.hash[:])
		tokens[t.hash] = t
	}
	return tokens, nil
}

func parsePanelToken(fields []string) (*PanelToken, error) {
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
	t := &PanelToken{hash: sha256.Sum256([]byte(secret)), Tenant: tenant, Scopes: scopes, Listed: scopes != 0, Short: len(secret) < LeastToken}
	if !t.Listed {
		t.Scopes = scopeDefault
	}
	return t, nil
}

// Find returns the token with this secret. The map is keyed by SHA-256, so the time
// of a miss reveals nothing about any secret. A hit is compared in constant time.
func (p PanelTokens) Find(secret []byte) (*PanelToken, bool) {
	hash := sha256.Sum256(secret)
	t, ok := p[hash]
	if !ok || subtle.ConstantTimeCompare(t.hash[:], hash[:]) != 1 {
		return nil, false
	}
	return t, true
}

// Count returns how many tokens match.
func (p PanelTokens) Count(matches func(*PanelToken) bool) (n int) {
	for _, t := range p {
		if matches(t) {
			n++
		}
	}
	return n
}

// Tenants lists the tenants that tokens are bound to, sorted.
func (p PanelTokens) Tenants() []string {
	tenants := map[string]bool{}
	for _, t := range p {
		if t.Tenant != "" {
			tenants[t.Tenant] = true
		}
	}
	return slices.Sorted(maps.Keys(tenants))
}

// TokenLabel returns a function that labels a token with the first bytes of a keyed
// hash of its hash. Because the hash is keyed, a reader of the log cannot test
// guesses.
func TokenLabel(k *Sealer) func([]byte) string {
	return func(hash []byte) string { return hex.EncodeToString(k.Mac("panel-token", hash)[:4]) }
}
