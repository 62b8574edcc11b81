package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func plainLabel(hash []byte) string { return hex.EncodeToString(hash[:4]) }

func TestPanelTokensAreReadFromTheirLines(t *testing.T) {
	t.Parallel()
	tokens, err := NewPanelTokens([]string{
		"store-wide-secret", "", "# a comment", "  acc_1:bound-secret data,decide  ", "reader data decide", "\tlast\r", "namer write,identity",
	}, plainLabel)
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]PanelToken{
		"store-wide-secret": {Scopes: scopeDefault},
		"bound-secret":      {Tenant: "acc_1", Scopes: ScopeData | ScopeDecide},
		"reader":            {Scopes: ScopeData | ScopeDecide},
		"last":              {Scopes: scopeDefault},
		"namer":             {Scopes: ScopeWrite | ScopeIdentity},
	} {
		got, ok := tokens.Find([]byte(secret))
		if !ok || got.Tenant != want.Tenant || got.Scopes != want.Scopes {
			t.Errorf("%s: %+v, %v", secret, got, ok)
		}
	}
	for _, wrong := range []string{"", "acc_1:bound-secret", "bound-secre", "bound-secrets", "Reader", "# a comment"} {
		if _, ok := tokens.Find([]byte(wrong)); ok {
			t.Errorf("%q was accepted", wrong)
		}
	}
	if n := tokens.Count(func(t *PanelToken) bool { return t.Tenant == "" }); n != 4 {
		t.Errorf("%d store-wide tokens", n)
	}
	if n := tokens.Count(func(t *PanelToken) bool { return !t.Listed }); n != 2 {
		t.Errorf("%d tokens without a list of scopes", n)
	}
	if scopeDefault.Has(ScopeIdentity) || ScopeUser.Has(ScopeIdentity) {
		t.Error("a token that names no scope may say who is who")
	}
}

func TestPanelTokenFaultsNameTheLineAndNotTheToken(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"unknown scope":       "hush-hush data,everything",
		"token after a blank": "acc_1: hush-hush data",
		"token as a scope":    "acc_1 hush-hush data",
		"value of a flag":     "long-enough-token resellers-only=hush",
		"empty tenant":        ":hush-hush",
		"empty token":         "acc_1:",
		"more than a pair":    "acc_1:hush-hush:more",
	} {
		_, err := NewPanelTokens([]string{"# first", line}, plainLabel)
		if err == nil || !strings.Contains(err.Error(), "panel token 2") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewPanelTokens([]string{"same", "acc_1:same data"}, plainLabel); err == nil {
		t.Error("one token with two meanings was accepted")
	}
}

func TestALineLimitsItsPanelToken(t *testing.T) {
	t.Parallel()
	tokens, err := NewPanelTokens([]string{
		"acc_1:sha256:" + hex.EncodeToString(hashOf("hashed")) + " data name=shop account=acc_2 resellers-only expires=2030-01-31T00:00:00Z from=192.0.2.0/24 from=2001:db8::/32",
		"sha256:" + strings.ToUpper(hex.EncodeToString(hashOf("upper"))) + " name=shop", "plain-secret name=other write",
	}, plainLabel)
	if err != nil {
		t.Fatal(err)
	}
	shop, ok := tokens.Find([]byte("hashed"))
	if !ok || shop.ID != "shop" || shop.Tenant != "acc_1" || shop.Scopes != ScopeData || shop.Short {
		t.Fatalf("got %+v", shop)
	}
	l := shop.Limits
	expiry := time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)
	if l.Account != "acc_2" || !l.ResellersOnly || l.Expired(at(expiry.Add(-1))) || !l.Expired(at(expiry)) {
		t.Errorf("got %+v", l)
	}
	for from, want := range map[string]bool{
		"192.0.2.7": true, "::ffff:192.0.2.7": true, "2001:db8::1": true, "192.0.3.1": false, "2001:db9::1": false,
	} {
		if got := l.Admits(netip.MustParseAddr(from)); got != want {
			t.Errorf("%s: %v", from, got)
		}
	}
	if l.Admits(netip.Addr{}) {
		t.Error("a request without an address is admitted")
	}
	if next, ok := tokens.Find([]byte("upper")); !ok || next.ID != "shop" || next.Scopes != scopeDefault || !next.Limits.Admits(netip.Addr{}) || next.Limits.Expired(at(expiry)) {
		t.Errorf("the second token of a name: %+v", next)
	}
	if other, ok := tokens.Find([]byte("plain-secret")); !ok || other.ID != "other" || other.Scopes != ScopeWrite {
		t.Errorf("got %+v", other)
	}
	if _, ok := tokens.Find(hashOf("hashed")); ok {
		t.Error("a hash is accepted as a token")
	}
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func TestAMalformedLimitIsRefused(t *testing.T) {
	t.Parallel()
	for _, words := range []string{
		"account=", "account=acc_1 account=acc_2", "resellers-only=yes", "name=", "name=a/b", "name=jwt", "name=schedule", "name=panel-1",
		"name=a name=b", "expires=", "expires=tomorrow", "expires=2030-01-31", "from=", "from=192.0.2.7", "from=net", "ip=192.0.2.0/24", "Name=a",
	} {
		if _, err := NewPanelTokens([]string{"hush-hush " + words}, plainLabel); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", words, err)
		}
	}
	digits := hex.EncodeToString(hashOf("x"))
	for _, secret := range []string{"sha256:", "sha256:" + digits[1:], "sha256:" + digits + "00", "sha256:" + digits[2:] + "zz", "acc_1:sha256:x", ":sha256:" + digits} {
		if _, err := NewPanelTokens([]string{secret}, plainLabel); err == nil || strings.Contains(err.Error(), digits[4:20]) {
			t.Errorf("%s: %v", secret, err)
		}
	}
	if _, err := NewPanelTokens([]string{"x", "sha256:" + digits}, plainLabel); err == nil {
		t.Error("one token is given twice, in clear and as a hash")
	}
}

// A comma separates the tokens of a setting, and may separate scopes as in a file.
func TestASettingSeparatesTokensAndScopesWithCommas(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string][]string{
		"":                   {""},
		"one,two":            {"one", "two"},
		"one data,decide":    {"one data decide"},
		"one data, decide":   {"one data  decide"},
		"one,data,two write": {"one data", "two write"},
		"a:one name=x data,write from=192.0.2.0/24,b:two identity,preview account=c,three": {
			"a:one name=x data write from=192.0.2.0/24", "b:two identity preview account=c", "three"},
	} {
		if got := SplitSetting(setting); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", setting, got, want)
		}
	}
	tokens, err := NewPanelTokens(SplitSetting("acc_1:secret-of-one data,decide,acc_2:secret-of-two write,identity name=two"), plainLabel)
	one, _ := tokens.Find([]byte("secret-of-one"))
	two, _ := tokens.Find([]byte("secret-of-two"))
	if err != nil || len(tokens) != 2 || one == nil || one.Scopes != ScopeData|ScopeDecide || two == nil || two.Scopes != ScopeWrite|ScopeIdentity {
		t.Errorf("%v: %+v, %+v", err, one, two)
	}
	for _, scope := range []string{"data", "acc_1:decide", "write,identity", "preview name=x"} {
		if _, err := NewPanelTokens([]string{scope}, plainLabel); err == nil || !strings.Contains(err.Error(), "before the scopes") {
			t.Errorf("%s as a token: %v", scope, err)
		}
	}
}

// Whatever is wrong with a line, and wherever the token stands in it, the error has no
// word of the line that resellerd does not know.
func TestAnErrorAboutALineHasNoPartOfIt(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	const secret = "hush9"
	words := []string{secret, "acc_1:" + secret, secret + ":" + secret, ":" + secret, "sha256:" + secret, "data", "data," + secret, secret + "=x", "account=" + secret,
		"account=", "name=" + secret, "name=/" + secret, "resellers-only", "resellers-only=" + secret, "expires=" + secret, "from=" + secret, "from=" + secret + "/24", "from=192.0.2.0/" + secret}
	refused := 0
	for range 2000 {
		line := make([]string, 1+r.IntN(4))
		for i := range line {
			line[i] = words[r.IntN(len(words))]
		}
		_, err := NewPanelTokens([]string{strings.Join(line, " ")}, plainLabel)
		if err != nil {
			refused++
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Fatalf("%q: %v", line, err)
		}
	}
	if refused < 500 {
		t.Errorf("only %d lines are refused", refused)
	}
}

// at returns a clock that stands still.
func at(t time.Time) func() time.Time { return func() time.Time { return t } }
