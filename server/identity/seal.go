package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"

	"resellerd/store/history"
)

// errSeal is the only error for a text that was not sealed by this store for this
// use.
var errSeal = errors.New("sealed text: not ours")

// Sealer seals values that callers carry but must not read or forge: cursors, data
// revisions and entity tags. Sealing is deterministic: equal arguments give equal
// bytes, because the nonce is a keyed hash of purpose, binding and text. Sealer is
// safe for concurrent use.
type Sealer struct {
	aead   cipher.AEAD
	macKey []byte
}

// NewSealer derives its keys from the store's key (32 bytes), so that every replica
// on one store can open what another one sealed.
func NewSealer(key []byte) (*Sealer, error) {
	encKey, err := hkdf.Key(sha256.New, key, nil, "resellerd seal", 32)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	macKey, err := hkdf.Key(sha256.New, key, nil, "resellerd mac", 32)
	if err != nil {
		return nil, fmt.Errorf("mac key: %w", err)
	}
	block, err := aes.NewCipher(encKey)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return &Sealer{aead: aead, macKey: macKey}, nil
}

// Seal encrypts text (AES-256-GCM) and returns it in URL-safe base64. Open needs the
// same purpose and binding, for example "cursor", and the user with the query.
func (s *Sealer) Seal(purpose string, binding, text []byte) string {
	nonce := s.Mac(purpose, binding, text)[:s.aead.NonceSize()]
	sealed := s.aead.Seal(nonce[:len(nonce):len(nonce)], nonce, text, additional(purpose, binding))
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns the text, or errSeal.
func (s *Sealer) Open(purpose string, binding []byte, sealed string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	n := s.aead.NonceSize()
	if err != nil || len(raw) < n || strings.ContainsAny(sealed, "\r\n") { // which the decoder skips
		return nil, errSeal
	}
	text, err := s.aead.Open(nil, raw[:n], raw[n:], additional(purpose, binding))
	if err != nil {
		return nil, errSeal
	}
	return text, nil
}

// Mac returns a keyed hash (HMAC-SHA-256, 32 bytes) over the parts and their lengths.
func (s *Sealer) Mac(purpose string, parts ...[]byte) []byte { return s.Macs(purpose)(parts...) }

// Macs returns Mac for many hashes of one purpose. The function is for one goroutine.
func (s *Sealer) Macs(purpose string) func(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, s.macKey)
	return func(parts ...[]byte) []byte {
		h.Reset()
		writePart(h, []byte(purpose))
		for _, p := range parts {
			writePart(h, p)
		}
		return h.Sum(nil)
	}
}

func writePart(h hash.Hash, p []byte) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(p)))
	_, _ = h.Write(n[:]) // a hash never fails
	_, _ = h.Write(p)
}

func additional(purpose string, binding []byte) []byte {
	out := append([]byte(purpose), 0)
	return append(out, binding...)
}

// SealRevision seals a data revision for Resellerd-Revision and Resellerd-At-Least.
// The plain number would reveal how much other tenants write. Earlier releases sealed
// only the number; OpenRevision reads that with a zero mark.
func (s *Sealer) SealRevision(r history.DataRevision) string {
	return s.Seal("revision", nil, append(binary.BigEndian.AppendUint64(nil, uint64(r.N)), r.Mark[:]...))
}

// OpenRevision opens the result of SealRevision. Its only error is errSeal.
func (s *Sealer) OpenRevision(sealed string) (r history.DataRevision, err error) {
	raw, err := s.Open("revision", nil, sealed)
	if err != nil || len(raw) != 8 && len(raw) != 8+len(r.Mark) {
		return r, errSeal
	}
	r.N = int64(binary.BigEndian.Uint64(raw))
	copy(r.Mark[:], raw[8:])
	return r, nil
}
