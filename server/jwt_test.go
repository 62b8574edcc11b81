package server

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/server/identity"
)

var jwtNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// issuer builds tokens by hand, so that it can build wrong ones.
type issuer struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, d, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return &issuer{rsa: r, ec: e, ed: d}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (i *issuer) keys() []map[string]any {
	ecX, ecY := make([]byte, 32), make([]byte, 32)
	i.ec.X.FillBytes(ecX)
	i.ec.Y.FillBytes(ecY)
	return []map[string]any{
		{"kty": "RSA", "kid": "r", "use": "sig", "n": b64(i.rsa.N.Bytes()), "e": b64(big.NewInt(int64(i.rsa.E)).Bytes())},
		{"kty": "EC", "kid": "e", "crv": "P-256", "alg": "ES256", "x": b64(ecX), "y": b64(ecY)},
		{"kty": "OKP", "kid": "d", "crv": "Ed25519", "x": b64(i.ed.Public().(ed25519.PublicKey))},
		{"kty": "oct", "kid": "s", "k": b64([]byte("0123456789abcdef0123456789abcdef"))},
	}
}

func jwks(t testing.TB, keys []map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	must(t, err)
	return text
}

func claims(more map[string]any) map[string]any {
	c := map[string]any{"sub": "jane", "iss": "https://id.example", "aud": "resellerd", "exp": jwtNow.Unix() + 300}
	for k, v := range more {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

type signer func(text []byte) []byte

func (i *issuer) rs256(text []byte) []byte {
	sum := sha256.Sum256(text)
	sig, _ := rsa.SignPKCS1v15(rand.Reader, i.rsa, crypto.SHA256, sum[:])
	return sig
}

func (i *issuer) es256(text []byte) []byte {
	sum := sha256.Sum256(text)
	r, s, _ := ecdsa.Sign(rand.Reader, i.ec, sum[:])
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return sig
}

func (i *issuer) eddsa(text []byte) []byte { return ed25519.Sign(i.ed, text) }

func hs256(key []byte) signer {
	return func(text []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(text)
		return h.Sum(nil)
	}
}

func unsigned([]byte) []byte { return nil }

func token(t testing.TB, header, body map[string]any, sign signer) string {
	t.Helper()
	h, err := json.Marshal(header)
	must(t, err)
	b, err := json.Marshal(body)
	must(t, err)
	text := b64(h) + "." + b64(b)
	return text + "." + b64(sign([]byte(text)))
}

// jwtConfig trusts the keys for users of a tenant.
func jwtConfig(t testing.TB, tenant string, keys []map[string]any) identity.JWT {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jwks.json")
	must(t, os.WriteFile(file, jwks(t, keys), 0o600))
	cfg := Config{JWT: identity.JWT{JWKS: file, Tenant: tenant, Issuer: "https://id.example", Audience: "resellerd"}}
	cfg.setDefaults()
	return cfg.JWT
}

func testVerifier(t testing.TB, i *issuer) *identity.Verifier {
	t.Helper()
	v, err := identity.NewVerifier(context.Background(), jwtConfig(t, "", i.keys()), func() time.Time { return jwtNow })
	must(t, err)
	return v
}

func TestUserTokensOfEveryAlgorithmAreAccepted(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := testVerifier(t, i)
	for name, raw := range map[string]string{
		"RS256":             token(t, map[string]any{"alg": "RS256", "kid": "r"}, claims(nil), i.rs256),
		"ES256":             token(t, map[string]any{"alg": "ES256", "kid": "e"}, claims(nil), i.es256),
		"EdDSA":             token(t, map[string]any{"alg": "EdDSA", "kid": "d", "typ": "JWT"}, claims(nil), i.eddsa),
		"audience in a set": token(t, map[string]any{"alg": "EdDSA", "kid": "d"}, claims(map[string]any{"aud": []string{"x", "resellerd"}}), i.eddsa),
		"clock a bit apart": token(t, map[string]any{"alg": "EdDSA", "kid": "d"}, claims(map[string]any{"exp": jwtNow.Unix() - 10}), i.eddsa),
	} {
		if sub, err := v.Verify(context.Background(), []byte(raw)); err != nil || sub != "jane" {
			t.Errorf("%s: %q, %v", name, sub, err)
		}
	}
}

func TestForgedAndStaleUserTokensAreRefused(t *testing.T) {
	t.Parallel()
	i, stranger := newIssuer(t), newIssuer(t)
	v := testVerifier(t, i)
	rsaDER, err := x509.MarshalPKIXPublicKey(&i.rsa.PublicKey)
	must(t, err)
	rsaPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: rsaDER})
	ed := func(header, body map[string]any) string {
		h := map[string]any{"alg": "EdDSA", "kid": "d"}
		maps.Copy(h, header)
		return token(t, h, claims(body), i.eddsa)
	}
	good := ed(nil, nil)
	parts := strings.Split(good, ".")
	for name, raw := range map[string]string{
		"none":                          token(t, map[string]any{"alg": "none"}, claims(nil), unsigned),
		"none with a known key":         token(t, map[string]any{"alg": "none", "kid": "d"}, claims(nil), unsigned),
		"NONE in capitals":              token(t, map[string]any{"alg": "NonE", "kid": "r"}, claims(nil), unsigned),
		"HS256 with the public key DER": token(t, map[string]any{"alg": "HS256", "kid": "r"}, claims(nil), hs256(rsaDER)),
		"HS256 with the public key PEM": token(t, map[string]any{"alg": "HS256", "kid": "r"}, claims(nil), hs256(rsaPEM)),
		"HS256 with the set's oct key":  token(t, map[string]any{"alg": "HS256", "kid": "s"}, claims(nil), hs256([]byte("0123456789abcdef0123456789abcdef"))),
		"HS256 with the modulus":        token(t, map[string]any{"alg": "HS256", "kid": "r"}, claims(nil), hs256(i.rsa.N.Bytes())),
		"RS256 named on the EC key":     token(t, map[string]any{"alg": "RS256", "kid": "e"}, claims(nil), i.rs256),
		"PS256 on the RSA key":          token(t, map[string]any{"alg": "PS256", "kid": "r"}, claims(nil), i.rs256),
		"ES256 with a zero signature":   token(t, map[string]any{"alg": "ES256", "kid": "e"}, claims(nil), func([]byte) []byte { return make([]byte, 64) }),
		"alg is missing":                token(t, map[string]any{"kid": "d"}, claims(nil), i.eddsa),
		"jku":                           ed(map[string]any{"jku": "https://evil.example/jwks"}, nil),
		"x5u":                           ed(map[string]any{"x5u": "https://evil.example/cert"}, nil),
		"x5c":                           ed(map[string]any{"x5c": []string{"MIIB"}}, nil),
		"embedded jwk, own signature":   token(t, map[string]any{"alg": "EdDSA", "jwk": stranger.keys()[2]}, claims(nil), stranger.eddsa),
		"embedded jwk with a known kid": token(t, map[string]any{"alg": "EdDSA", "kid": "d", "jwk": stranger.keys()[2]}, claims(nil), stranger.eddsa),
		"crit":                          ed(map[string]any{"crit": []string{"exp"}}, nil),
		"a stranger's signature":        token(t, map[string]any{"alg": "EdDSA", "kid": "d"}, claims(nil), stranger.eddsa),
		"unknown kid":                   ed(map[string]any{"kid": "x"}, nil),
		"no kid among several keys":     token(t, map[string]any{"alg": "EdDSA"}, claims(nil), i.eddsa),
		"kid is a path":                 ed(map[string]any{"kid": "../../dev/null"}, nil),
		"expired":                       ed(nil, map[string]any{"exp": jwtNow.Unix() - 60}),
		"no expiry":                     ed(nil, map[string]any{"exp": nil}),
		"not yet valid":                 ed(nil, map[string]any{"nbf": jwtNow.Unix() + 300}),
		"wrong audience":                ed(nil, map[string]any{"aud": "another"}),
		"no audience":                   ed(nil, map[string]any{"aud": nil}),
		"wrong issuer":                  ed(nil, map[string]any{"iss": "https://id.example/"}),
		"no issuer":                     ed(nil, map[string]any{"iss": nil}),
		"no subject":                    ed(nil, map[string]any{"sub": nil}),
		"empty subject":                 ed(nil, map[string]any{"sub": ""}),
		"subject with nul":              ed(nil, map[string]any{"sub": "ja\x00ne"}),
		"subject is a number":           ed(nil, map[string]any{"sub": 12}),
		"signature cut":                 good[:len(good)-4],
		"no signature":                  parts[0] + "." + parts[1] + ".",
		"another's claims":              parts[0] + "." + b64([]byte(`{"sub":"root","iss":"https://id.example","aud":"resellerd","exp":9999999999}`)) + "." + parts[2],
		"header with a name twice":      b64([]byte(`{"alg":"EdDSA","alg":"none","kid":"d"}`)) + "." + parts[1] + "." + parts[2],
		"five parts":                    good + ".a.b",
		"JSON serialization":            `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"too long":                      ed(nil, map[string]any{"pad": strings.Repeat("x", 9000)}),
		"empty":                         "",
		"two dots":                      "..",
	} {
		sub, err := v.Verify(context.Background(), []byte(raw))
		if !errors.Is(err, identity.ErrToken) {
			t.Errorf("%s: subject %q, error %v", name, sub, err)
		}
	}
}

func TestKeysThatMayNotVerifyAreLeftOut(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no short RSA keys:", err)
	}
	keys := i.keys()
	for name, key := range map[string]map[string]any{
		"short RSA":           {"kty": "RSA", "n": b64(small.N.Bytes()), "e": "AQAB"},
		"for encryption":      merged(keys[0], map[string]any{"use": "enc"}),
		"RSA for another alg": merged(keys[0], map[string]any{"alg": "PS512"}),
		"EC on another curve": merged(keys[1], map[string]any{"crv": "P-384", "alg": "ES384"}),
		"symmetric":           keys[3],
		"EC that says HS256":  merged(keys[1], map[string]any{"alg": "HS256"}),
	} {
		if got, err := identity.ParseKeys(jwks(t, []map[string]any{key})); err == nil {
			t.Errorf("%s: %d keys", name, len(got))
		}
	}
	private := merged(keys[2], map[string]any{"kid": "p", "d": b64(i.ed.Seed())})
	got, err := identity.ParseKeys(jwks(t, []map[string]any{private}))
	must(t, err)
	if text, _ := json.Marshal(got[0].Key); strings.Contains(string(text), `"d"`) {
		t.Error("a private key was kept")
	}
}

func merged(a, b map[string]any) map[string]any {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func TestNewKeysAreFetchedWhenTheyFirstSignButNotForEveryStranger(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var set atomic.Pointer[[]byte]
	var asked atomic.Int32
	publish := func(keys ...map[string]any) {
		text := jwks(t, keys)
		set.Store(&text)
	}
	publish(i.keys()[0])
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(*set.Load())
	}))
	defer host.Close()
	now := jwtNow
	cfg := jwtConfig(t, "", i.keys())
	cfg.JWKS = host.URL
	v, err := identity.NewVerifier(context.Background(), cfg, func() time.Time { return now })
	must(t, err)
	publish(i.keys()...)
	raw := []byte(token(t, map[string]any{"alg": "EdDSA", "kid": "d"}, claims(nil), i.eddsa))
	for range 5 {
		if _, err := v.Verify(context.Background(), raw); err == nil {
			t.Fatal("a key was fetched again at once")
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	now = now.Add(identity.JWKSPatience)
	if _, err := v.Verify(context.Background(), raw); err != nil {
		t.Error(err)
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// Plain http cannot prove who answers. An attacker who answers in the host's
// name would choose who may sign.
func TestKeysComeOverPlainHTTPFromThisMachineOnly(t *testing.T) {
	t.Parallel()
	for source, safe := range map[string]bool{
		"keys.json":                   true,
		"/etc/keys.json":              true,
		"https://id.example/keys":     true,
		"http://127.0.0.1:1/keys":     true,
		"http://[::1]/keys":           true,
		"http://localhost/keys":       true,
		"http://id.example/keys":      false,
		"HTTP://id.example/keys":      false,
		"http://127.0.0.1@id.example": false,
		"http://localhost.id.example": false,
		"http://10.0.0.1/keys":        false,
	} {
		err := Config{JWT: identity.JWT{JWKS: source, Issuer: "i", Audience: "a"}}.Validate()
		if (err == nil) != safe {
			t.Errorf("%s: %v", source, err)
		}
	}
	i := newIssuer(t)
	to := "/keys"
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_, _ = w.Write(jwks(t, i.keys()))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer host.Close()
	cfg := jwtConfig(t, "", i.keys())
	cfg.JWKS = host.URL
	_, err := identity.NewVerifier(context.Background(), cfg, time.Now)
	must(t, err)
	to = "http://id.example/keys"
	if _, err := identity.NewVerifier(context.Background(), cfg, time.Now); err == nil || !strings.Contains(err.Error(), "plain http on another machine") {
		t.Errorf("keys that have moved to plain http: %v", err)
	}
}

// FuzzToken changes a valid token. What is accepted has the header and the claims that
// the issuer signed.
func FuzzToken(f *testing.F) {
	i := newIssuer(f)
	i.ed = ed25519.NewKeyFromSeed([]byte("the same in all processes of f.."))
	v := testVerifier(f, i)
	good := token(f, map[string]any{"alg": "EdDSA", "kid": "d"}, claims(nil), i.eddsa)
	signed := good[:strings.LastIndexByte(good, '.')]
	for _, seed := range []string{"", "..", good + "=", good + "\n", signed + ".", strings.Replace(good, ".", "..", 1)} {
		f.Add(seed, uint16(0), byte(0))
	}
	for at := range 40 {
		f.Add(good, uint16(at*len(good)/40), byte('A'))
	}
	f.Fuzz(func(t *testing.T, text string, at uint16, c byte) {
		raw := []byte(text)
		if int(at) < len(raw) {
			raw[at] = c
		}
		if sub, err := v.Verify(t.Context(), raw); err == nil && (sub != "jane" || !strings.HasPrefix(string(raw), signed+".")) {
			t.Fatalf("%q is a token of %s", raw, sub)
		}
	})
}
