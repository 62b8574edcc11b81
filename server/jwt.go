package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// jwtVerifier checks users' tokens against a key set. The algorithm is the
// key's, never the token's word. Safe for concurrent use.
type jwtVerifier struct {
	cfg    JWT
	now    func() time.Time
	client *http.Client

	mu     sync.RWMutex
	keys   []verifyKey
	read   time.Time // when the key set was last asked for
	asking sync.Mutex
}

// verifyKey is a public key with the one algorithm it is used for.
type verifyKey struct {
	id  string
	alg jwa.SignatureAlgorithm
	key jwk.Key
}

const (
	maxJWKS      = 1 << 20          // bytes of a key set
	maxToken     = 8 << 10          // bytes of a token
	jwksPatience = 10 * time.Second // between reads that unknown keys cause
)

var errToken = errors.New("user token is not valid")

// newJWTVerifier reads the key set once; it must be there and hold a key.
func newJWTVerifier(ctx context.Context, cfg JWT, now func() time.Time) (*jwtVerifier, error) {
	v := &jwtVerifier{cfg: cfg, now: now, client: &http.Client{Timeout: 5 * time.Second, CheckRedirect: safeRedirect}}
	if err := v.refresh(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// run reads the key set again and again until ctx ends. A failed read keeps
// the keys that are known and is reported.
func (v *jwtVerifier) run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(v.cfg.Refresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := v.refresh(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}

// refresh reads the key set and takes its public signing keys.
func (v *jwtVerifier) refresh(ctx context.Context) error {
	text, err := v.fetch(ctx)
	if err != nil {
		return fmt.Errorf("key set %s: %w", v.cfg.JWKS, err)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return fmt.Errorf("key set %s: %w", v.cfg.JWKS, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys = keys
	return nil
}

func (v *jwtVerifier) fetch(ctx context.Context) ([]byte, error) {
	v.mu.Lock()
	v.read = v.now()
	v.mu.Unlock()
	if keyAddress(v.cfg.JWKS) == nil {
		return os.ReadFile(v.cfg.JWKS)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.cfg.JWKS, nil)
	if err != nil {
		return nil, err
	}
	res, err := v.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxJWKS+1))
	if err == nil && len(text) > maxJWKS {
		err = errors.New("too large")
	}
	return text, err
}

// safeRedirect applies the rule for the key set's address to each address that it
// redirects to.
func safeRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case !safeKeySource(req.URL.String()):
		return errors.New("the key set redirects to plain http on another machine")
	case len(via) >= 10:
		return errors.New("too many redirects")
	}
	return nil
}

// parseKeys takes the keys that may verify: public RSA (at least 2048 bits),
// P-256 and Ed25519 keys for signing. Symmetric and other keys are left out.
func parseKeys(text []byte) ([]verifyKey, error) {
	set, err := jwk.Parse(text)
	if err != nil {
		return nil, err
	}
	var keys []verifyKey
	for i := range set.Len() {
		key, _ := set.Key(i)
		if k, ok := usableKey(key); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no key for RS256, ES256 or EdDSA")
	}
	return keys, nil
}

func usableKey(key jwk.Key) (verifyKey, bool) {
	public, err := jwk.PublicKeyOf(key)
	if err != nil {
		return verifyKey{}, false
	}
	alg, ok := algorithmOf(public)
	if !ok {
		return verifyKey{}, false
	}
	if named, given := key.Algorithm(); given && named.String() != alg.String() {
		return verifyKey{}, false
	}
	if use, given := key.KeyUsage(); given && use != "sig" {
		return verifyKey{}, false
	}
	id, _ := key.KeyID()
	return verifyKey{id: id, alg: alg, key: public}, true
}

func algorithmOf(key jwk.Key) (jwa.SignatureAlgorithm, bool) {
	switch k := key.(type) {
	case jwk.RSAPublicKey:
		n, _ := k.N()
		return jwa.RS256(), len(n) >= 256
	case jwk.ECDSAPublicKey:
		crv, _ := k.Crv()
		return jwa.ES256(), crv == jwa.P256()
	case jwk.OKPPublicKey:
		crv, _ := k.Crv()
		return jwa.EdDSA(), crv == jwa.Ed25519()
	}
	return jwa.SignatureAlgorithm{}, false
}

// tokenHeader is what a token may say about itself. Members that bring keys or
// extensions of their own are refused, not ignored.
type tokenHeader struct {
	Alg string          `json:"alg"`
	Kid string          `json:"kid"`
	JKU json.RawMessage `json:"jku"`
	JWK json.RawMessage `json:"jwk"`
	X5U json.RawMessage `json:"x5u"`
	X5C json.RawMessage `json:"x5c"`
	Crt json.RawMessage `json:"crit"`
	Zip json.RawMessage `json:"zip"`
}

// verify returns the subject of a valid token. It keeps nothing of raw.
func (v *jwtVerifier) verify(ctx context.Context, raw []byte) (string, error) {
	if len(raw) > maxToken || bytes.Count(raw, []byte(".")) != 2 {
		return "", errToken
	}
	token := bytes.Clone(raw)
	header, err := readHeader(token)
	if err != nil {
		return "", err
	}
	key, err := v.keyFor(ctx, header)
	if err != nil {
		return "", err
	}
	claims, err := jwt.Parse(token, jwt.WithKey(key.alg, key.key), jwt.WithValidate(true),
		jwt.WithIssuer(v.cfg.Issuer), jwt.WithAudience(v.cfg.Audience),
		jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithRequiredClaim(jwt.SubjectKey),
		jwt.WithClock(jwt.ClockFunc(v.now)), jwt.WithAcceptableSkew(v.cfg.Leeway))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errToken, err)
	}
	sub, _ := claims.Subject()
	if sub == "" || len(sub) > maxRef || !cleanText(sub) {
		return "", fmt.Errorf("%w: subject", errToken)
	}
	return sub, nil
}

func readHeader(token []byte) (tokenHeader, error) {
	first, _, _ := bytes.Cut(token, []byte("."))
	text, err := base64.RawURLEncoding.Strict().DecodeString(string(first))
	if err != nil {
		return tokenHeader{}, fmt.Errorf("%w: header", errToken)
	}
	if _, err := parseJSON(text); err != nil {
		return tokenHeader{}, fmt.Errorf("%w: header: %w", errToken, err)
	}
	var h tokenHeader
	if err := json.Unmarshal(text, &h); err != nil {
		return tokenHeader{}, fmt.Errorf("%w: header", errToken)
	}
	if h.JKU != nil || h.JWK != nil || h.X5U != nil || h.X5C != nil || h.Crt != nil || h.Zip != nil {
		return tokenHeader{}, fmt.Errorf("%w: header brings keys or extensions", errToken)
	}
	return h, nil
}

// keyFor finds the key the token names, reading the key set again when it is
// not known, but not at every stranger's word.
func (v *jwtVerifier) keyFor(ctx context.Context, h tokenHeader) (verifyKey, error) {
	key, known := v.known(h)
	if !known && v.readAgain(ctx) {
		key, known = v.known(h)
	}
	switch {
	case !known:
		return verifyKey{}, fmt.Errorf("%w: unknown key", errToken)
	case key.alg.String() != h.Alg:
		return verifyKey{}, fmt.Errorf("%w: not the key's algorithm", errToken)
	}
	return key, nil
}

// known finds a key by its id; without an id there must be one key only.
func (v *jwtVerifier) known(h tokenHeader) (verifyKey, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if h.Kid == "" {
		if len(v.keys) != 1 {
			return verifyKey{}, false
		}
		return v.keys[0], true
	}
	for _, k := range v.keys {
		if k.id == h.Kid {
			return k, true
		}
	}
	return verifyKey{}, false
}

func (v *jwtVerifier) readAgain(ctx context.Context) bool {
	v.asking.Lock()
	defer v.asking.Unlock()
	v.mu.RLock()
	recent := v.now().Sub(v.read) < jwksPatience
	v.mu.RUnlock()
	return !recent && v.refresh(ctx) == nil
}
