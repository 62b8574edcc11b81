package identity

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"resellerd/server/strictjson"
)

// JWT says which users' tokens are accepted (RFC 7519).
type JWT struct {
	// JWKS is a file or an https URL with the key set (RFC 7517). Plain http is
	// allowed only for a loopback address. If JWKS is empty, no user token is
	// accepted.
	JWKS string
	// Issuer and Audience must both match. They are required with JWKS.
	Issuer, Audience string
	// Tenant is the master account whose users the tokens name. It is required if the
	// store has several.
	Tenant string
	// RequireUser requires a user's token with each panel token. Then a panel page
	// can act only for the user who is signed in.
	RequireUser bool
	// Refresh is the time between reads of JWKS, default 5 minutes.
	Refresh time.Duration
	// Leeway is the accepted clock difference, default 30 seconds.
	Leeway time.Duration
}

// Verifier checks users' tokens against a key set. The key determines the algorithm;
// the token's header cannot choose another. Verifier is safe for concurrent use.
type Verifier struct {
	cfg    JWT
	now    func() time.Time
	Client *http.Client

	mu     sync.RWMutex
	keys   []VerifyKey
	read   time.Time // when the key set was last requested
	loaded time.Time // when the keys in use were read
	asking sync.Mutex
}

// VerifyKey is a public key with the one algorithm that it may be used for.
type VerifyKey struct {
	id  string
	alg jwa.SignatureAlgorithm
	Key jwk.Key
}

// MaxName is the most bytes of an id or address in a header.
const MaxName = 256

// JWKSPatience is the least time between two reads that unknown keys cause.
const JWKSPatience = 10 * time.Second

const (
	maxJWKS  = 1 << 20 // bytes of a key set
	maxToken = 8 << 10 // bytes of a token
)

// ErrToken is the reason for every refused token. The caller does not learn what
// exactly is wrong.
var ErrToken = errors.New("user token is not valid")

// NewVerifier reads the key set once. It fails if the key set cannot be read or has
// no usable key.
func NewVerifier(ctx context.Context, cfg JWT, now func() time.Time) (*Verifier, error) {
	v := &Verifier{cfg: cfg, now: now, Client: &http.Client{Timeout: 5 * time.Second, CheckRedirect: safeRedirect}}
	if err := v.Refresh(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// Run reads the key set every Refresh until ctx ends. If a read fails, Run reports
// the error and the known keys stay in use.
func (v *Verifier) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(v.cfg.Refresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := v.Refresh(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}

// Refresh reads the key set and replaces the known keys. After an error, the known
// keys stay in use.
func (v *Verifier) Refresh(ctx context.Context) error {
	text, err := v.fetch(ctx)
	if err != nil {
		return fmt.Errorf("key set %s: %w", v.cfg.JWKS, err)
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return fmt.Errorf("key set %s: %w", v.cfg.JWKS, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys, v.loaded = keys, v.now()
	return nil
}

// Loaded returns when the key set was last read with success.
func (v *Verifier) Loaded() time.Time {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.loaded
}

func (v *Verifier) fetch(ctx context.Context) ([]byte, error) {
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
	res, err := v.Client.Do(req)
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

// safeRedirect applies the rule for the key set's address to each redirect.
func safeRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case !SafeKeySource(req.URL.String()):
		return errors.New("the key set redirects to plain http on another machine")
	case len(via) >= 10:
		return errors.New("too many redirects")
	}
	return nil
}

// ParseKeys returns the keys that may verify signatures: public RSA (at least 2048
// bits), P-256 and Ed25519 keys. It skips symmetric and all other keys, and fails if
// none is left.
func ParseKeys(text []byte) ([]VerifyKey, error) {
	set, err := jwk.Parse(text)
	if err != nil {
		return nil, err
	}
	var keys []VerifyKey
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

func usableKey(key jwk.Key) (VerifyKey, bool) {
	public, err := jwk.PublicKeyOf(key)
	if err != nil {
		return VerifyKey{}, false
	}
	alg, ok := algorithmOf(public)
	if !ok {
		return VerifyKey{}, false
	}
	if named, given := key.Algorithm(); given && named.String() != alg.String() {
		return VerifyKey{}, false
	}
	if use, given := key.KeyUsage(); given && use != "sig" {
		return VerifyKey{}, false
	}
	id, _ := key.KeyID()
	return VerifyKey{id: id, alg: alg, Key: public}, true
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

// tokenHeader is the header of a token (RFC 7515). A token with members that bring
// keys or extensions is refused.
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

// Verify returns the subject of a valid token. Every error is an ErrToken. Verify
// keeps nothing of raw.
func (v *Verifier) Verify(ctx context.Context, raw []byte) (string, error) {
	if len(raw) > maxToken || bytes.Count(raw, []byte(".")) != 2 {
		return "", ErrToken
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
	claims, err := jwt.Parse(token, jwt.WithKey(key.alg, key.Key), jwt.WithValidate(true),
		jwt.WithIssuer(v.cfg.Issuer), jwt.WithAudience(v.cfg.Audience),
		jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithRequiredClaim(jwt.SubjectKey),
		jwt.WithClock(jwt.ClockFunc(v.now)), jwt.WithAcceptableSkew(v.cfg.Leeway))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrToken, err)
	}
	sub, _ := claims.Subject()
	if sub == "" || len(sub) > MaxName || !strictjson.CleanText(sub) {
		return "", fmt.Errorf("%w: subject", ErrToken)
	}
	return sub, nil
}

func readHeader(token []byte) (tokenHeader, error) {
	first, _, _ := bytes.Cut(token, []byte("."))
	text, err := base64.RawURLEncoding.Strict().DecodeString(string(first))
	if err != nil {
		return tokenHeader{}, fmt.Errorf("%w: header", ErrToken)
	}
	if _, err := strictjson.Parse(text); err != nil {
		return tokenHeader{}, fmt.Errorf("%w: header: %w", ErrToken, err)
	}
	var h tokenHeader
	if err := json.Unmarshal(text, &h); err != nil {
		return tokenHeader{}, fmt.Errorf("%w: header", ErrToken)
	}
	if h.JKU != nil || h.JWK != nil || h.X5U != nil || h.X5C != nil || h.Crt != nil || h.Zip != nil {
		return tokenHeader{}, fmt.Errorf("%w: header brings keys or extensions", ErrToken)
	}
	return h, nil
}

// keyFor finds the key that the token names. If the key is unknown, it reads the key
// set again, but at most once per JWKSPatience, so that forged tokens cannot cause
// many reads.
func (v *Verifier) keyFor(ctx context.Context, h tokenHeader) (VerifyKey, error) {
	key, known := v.known(h)
	if !known && v.readAgain(ctx) {
		key, known = v.known(h)
	}
	switch {
	case !known:
		return VerifyKey{}, fmt.Errorf("%w: unknown key", ErrToken)
	case key.alg.String() != h.Alg:
		return VerifyKey{}, fmt.Errorf("%w: not the key's algorithm", ErrToken)
	}
	return key, nil
}

// known finds a key by its id. A token without an id needs a key set with exactly one
// key.
func (v *Verifier) known(h tokenHeader) (VerifyKey, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if h.Kid == "" {
		if len(v.keys) != 1 {
			return VerifyKey{}, false
		}
		return v.keys[0], true
	}
	for _, k := range v.keys {
		if k.id == h.Kid {
			return k, true
		}
	}
	return VerifyKey{}, false
}

func (v *Verifier) readAgain(ctx context.Context) bool {
	v.asking.Lock()
	defer v.asking.Unlock()
	v.mu.RLock()
	recent := v.now().Sub(v.read) < JWKSPatience
	v.mu.RUnlock()
	return !recent && v.Refresh(ctx) == nil
}

// KeyFile returns the file of the key set, or "" if it has an address.
func (j JWT) KeyFile() string {
	if keyAddress(j.JWKS) != nil {
		return ""
	}
	return j.JWKS
}

// keyAddress returns the URL of a key set, or nil for a file.
func keyAddress(source string) *url.URL {
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	return u
}

// SafeKeySource reports whether the key set cannot be changed on its way: it comes
// from a file, over https or from a loopback address.
func SafeKeySource(source string) bool {
	u := keyAddress(source)
	if u == nil || u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
