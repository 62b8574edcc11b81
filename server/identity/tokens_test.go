package identity

import (
	"encoding/hex"
	"strings"
	"testing"
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
		"unknown scope":    "hush-hush data,everything",
		"empty tenant":     ":hush-hush",
		"empty token":      "acc_1:",
		"more than a pair": "acc_1:hush-hush:more",
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
