package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// PanelToken is a panel's key to the API. Only its hash is kept.
type PanelToken struct {
	hash   [sha256.Size]byte
	ID     string // the token's name in logs; it does not reveal the token
	Named  bool   // the token's line gives the name
	Tenant string // master account; empty: store-wide
	Scopes Scope
	Listed bool // the token's line lists scopes
	Short  bool // the token has fewer than LeastToken characters
	Limits PanelLimits
}

// PanelLimits narrows what a panel token is good for. The zero value limits nothing.
type PanelLimits struct {
	Account       string         // it acts only for users of this account and of those below
	ResellersOnly bool           // it acts for no user of a master
	Expires       time.Time      // zero: never
	From          []netip.Prefix // the networks that requests come from; empty: any
}

// Expired reports whether the token is no longer good. It asks the clock only about a
// token that expires.
func (l PanelLimits) Expired(now func() time.Time) bool {
	return !l.Expires.IsZero() && !now().Before(l.Expires)
}

// Admits reports whether a request may come from an address. A limit to networks
// admits no request without an address, such as one through a socket.
func (l PanelLimits) Admits(from netip.Addr) bool {
	return len(l.From) == 0 || slices.ContainsFunc(l.From, func(n netip.Prefix) bool { return n.Contains(from.Unmap()) })
}

// LeastToken is the number of characters under which a token can be guessed.
const LeastToken = 16

// PanelTokens finds a token by its hash. It is immutable after NewPanelTokens.
type PanelTokens map[[sha256.Size]byte]*PanelToken

// NewPanelTokens parses lines of the form "[TENANT:]TOKEN [scope,…] [limit …]". TOKEN
// may be sha256:HEX, the hash of a token. The limits are account=ID, resellers-only,
// name=NAME, expires=TIME (RFC 3339) and from=NETWORK, which may be repeated. It skips
// blank lines and lines that start with #. label makes the id of a token without a name
// from its hash. An error is a LineError, whose text has no part of the line.
func NewPanelTokens(lines []string, label func(hash []byte) string) (PanelTokens, error) {
	tokens := PanelTokens{}
	for i, line := range lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		t, err := parsePanelToken(fields)
		if err != nil {
			return nil, &LineError{i + 1, err}
		}
		if _, twice := tokens[t.hash]; twice {
			return nil, &LineError{i + 1, errors.New("the token is given twice")}
		}
		if t.Named = t.ID != ""; !t.Named {
			t.ID = unnamed + label(t.hash[:])
		}
		tokens[t.hash] = t
	}
	return tokens, nil
}

// LineError is the fault of a line of panel tokens.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error gives the number of the line and its fault.
func (e *LineError) Error() string { return fmt.Sprintf("panel token %d: %s", e.Line, e.Err) }

// Unwrap returns the fault.
func (e *LineError) Unwrap() error { return e.Err }

// SplitSetting returns the lines of a setting that separates them with commas. A comma
// may also stand between two scopes of one line.
func SplitSetting(text string) (lines []string) {
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(lines) > 0 && len(words) > 0 && scopeNames[words[0]] != 0 {
			lines[len(lines)-1] += " " + part
		} else {
			lines = append(lines, part)
		}
	}
	return lines
}

// unnamed is what the ids of tokens without a name begin with.
const unnamed = "panel-"

func parsePanelToken(fields []string) (*PanelToken, error) {
	t, err := parseSecret(fields[0])
	if err != nil {
		return nil, err
	}
	for i, word := range fields[1:] {
		limited, err := t.limit(word)
		if err != nil {
			return nil, err
		}
		scopes, listed := parseScopes(word)
		if !limited && !listed {
			return nil, fmt.Errorf("word %d is neither a scope nor a limit; the scopes are %s", i+2, strings.Join(slices.Sorted(maps.Keys(scopeNames)), ", "))
		}
		t.Scopes |= scopes
	}
	if t.Listed = t.Scopes != 0; !t.Listed {
		t.Scopes = scopeDefault
	}
	return t, nil
}

// parseSecret reads "[TENANT:]TOKEN" and "[TENANT:]sha256:HEX".
func parseSecret(text string) (*PanelToken, error) {
	const hashed = "sha256:"
	tenant, secret, bound := strings.Cut(text, ":")
	if !bound || strings.HasPrefix(text, hashed) {
		tenant, secret, bound = "", text, false
	}
	t := &PanelToken{Tenant: tenant}
	if digits, isHash := strings.CutPrefix(secret, hashed); isHash {
		if n, err := hex.Decode(t.hash[:], []byte(digits[:min(len(digits), 2*len(t.hash))])); err != nil || n != len(t.hash) || len(digits) != 2*n {
			return nil, fmt.Errorf("want 64 hexadecimal digits after %s", hashed)
		}
		secret = digits
	} else {
		t.hash, t.Short = sha256.Sum256([]byte(secret)), len(secret) < LeastToken
	}
	switch {
	case bound && tenant == "":
		return nil, fmt.Errorf("tenant: empty before the colon")
	case secret == "" || strings.Contains(secret, ":"):
		return nil, fmt.Errorf("want [TENANT:]TOKEN")
	}
	if _, scopes := parseScopes(secret); scopes {
		return nil, fmt.Errorf("want [TENANT:]TOKEN before the scopes")
	}
	return t, nil
}

// limit reads one limit of a token. It reports false for a word that is none.
func (t *PanelToken) limit(word string) (known bool, err error) {
	name, value, _ := strings.Cut(word, "=")
	l := &t.Limits
	switch name {
	case "resellers-only":
		l.ResellersOnly = true
		return true, unless(word != name, name, "takes no value")
	case "account":
		twice := l.Account != ""
		l.Account = value
		return true, unless(twice || value == "", name, "needs the id of one account")
	case "name":
		twice := t.ID != ""
		t.ID = value
		return true, unless(twice || !tokenName.MatchString(value) || reservedName(value), name,
			"needs a name of 1 to 64 characters: letters, digits, '.', '_' and '-'. It is not jwt or schedule, and does not begin with "+unnamed)
	case "expires":
		twice := !l.Expires.IsZero()
		l.Expires, err = time.Parse(time.RFC3339, value)
		return true, unless(twice || err != nil, name, "needs a time in the format of RFC 3339, such as 2030-01-31T00:00:00Z")
	case "from":
		network, err := netip.ParsePrefix(value)
		l.From = append(l.From, network.Masked())
		return true, unless(err != nil, name, "needs a network such as 192.0.2.0/24")
	}
	return false, nil
}

// unless returns an error about a limit that is wrong.
func unless(wrong bool, name, needs string) error {
	if wrong {
		return fmt.Errorf("%s %s", name, needs)
	}
	return nil
}

var tokenName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// reservedName reports whether logs use a name for callers without a named token.
func reservedName(name string) bool {
	return name == "jwt" || name == "schedule" || strings.HasPrefix(name, unnamed)
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

// Accounts lists the accounts that tokens are limited to, with the tenants of these
// tokens, sorted.
func (p PanelTokens) Accounts() [][2]string {
	accounts := map[[2]string]bool{}
	for _, t := range p {
		if t.Limits.Account != "" {
			accounts[[2]string{t.Limits.Account, t.Tenant}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(accounts), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
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
