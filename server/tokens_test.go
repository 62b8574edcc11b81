package server

import (
	"encoding/hex"
	"strings"
	"testing"
)

func plainLabel(hash []byte) string { return hex.EncodeToString(hash[:4]) }

func TestPanelTokensAreReadFromTheirLines(t *testing.T) {
	t.Parallel()
	tokens, err := newPanelTokens([]string{
		"store-wide-secret", "", "# a comment", "  acc_1:bound-secret data,decide  ", "reader data decide", "\tlast\r", "namer write,identity",
	}, plainLabel)
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]panelToken{
		"store-wide-secret": {scopes: scopeDefault},
		"bound-secret":      {tenant: "acc_1", scopes: scopeData | scopeDecide},
		"reader":            {scopes: scopeData | scopeDecide},
		"last":              {scopes: scopeDefault},
		"namer":             {scopes: scopeWrite | scopeIdentity},
	} {
		got, ok := tokens.find([]byte(secret))
		if !ok || got.tenant != want.tenant || got.scopes != want.scopes {
			t.Errorf("%s: %+v, %v", secret, got, ok)
		}
	}
	for _, wrong := range []string{"", "acc_1:bound-secret", "bound-secre", "bound-secrets", "Reader", "# a comment"} {
		if _, ok := tokens.find([]byte(wrong)); ok {
			t.Errorf("%q was accepted", wrong)
		}
	}
	if n := tokens.count(func(t *panelToken) bool { return t.tenant == "" }); n != 4 {
		t.Errorf("%d store-wide tokens", n)
	}
	if n := tokens.count(func(t *panelToken) bool { return !t.listed }); n != 2 {
		t.Errorf("%d tokens without a list of scopes", n)
	}
	if scopeDefault.has(scopeIdentity) || scopeUser.has(scopeIdentity) {
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
		_, err := newPanelTokens([]string{"# first", line}, plainLabel)
		if err == nil || !strings.Contains(err.Error(), "panel token 2") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newPanelTokens([]string{"same", "acc_1:same data"}, plainLabel); err == nil {
		t.Error("one token with two meanings was accepted")
	}
}
