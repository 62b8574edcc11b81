package decisionlog

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"strconv"
)

// Key is the secret for the hashes of a chain. The zero value is no key. Without a
// key, anyone who can write the log can also forge a whole new chain; verification
// then detects only accidents, and changes that contradict a checkpoint.
type Key struct{ secret []byte }

const minKey = 16

// ReadKey reads a key of at least 16 bytes from a file. It ignores white space around
// the key.
func ReadKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("decision log key: %w", err)
	}
	if text = bytes.TrimSpace(text); len(text) < minKey {
		return Key{}, fmt.Errorf("decision log key %s: %d bytes, want at least %d", path, len(text), minKey)
	}
	return Key{secret: text}, nil
}

// None reports whether there is no key.
func (k Key) None() bool { return len(k.secret) == 0 }

// ID returns an identifier that does not reveal the key: "none", or 16 hex digits.
func (k Key) ID() string {
	if k.None() {
		return "none"
	}
	h := k.hash()
	h.Write([]byte("resellerd decision log key"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// hash returns HMAC-SHA-256 (RFC 2104), or SHA-256 without a key.
func (k Key) hash() hash.Hash {
	if k.None() {
		return sha256.New()
	}
	return hmac.New(sha256.New, k.secret)
}

// link is a position in a chain. The next line continues from it.
type link struct {
	id  string // of the chain
	seq uint64 // 1 for the first line
	mac string // empty before the first line
}

func newLink() link { return link{id: rand.Text()[:chainID]} }

// chainID is the number of letters of a chain's id, of five random bits each.
const chainID = 13

const (
	chainStart = `"chain":{"id":"`
	seqStart   = `","seq":`
	macStart   = `,"mac":"`
	lineEnd    = `"}}`
)

// macs encodes a MAC (RFC 4648, section 5, without padding). Older programs wrote hex.
var macs = base64.RawURLEncoding.Strict()

var macLen = macs.EncodedLen(sha256.Size)

// chain adds lines to a chain. It is for one goroutine.
type chain struct {
	link
	h   hash.Hash
	sum [sha256.Size]byte
}

func newChain(k Key, at link) *chain { return &chain{link: at, h: k.hash()} }

// seal appends object as a line to dst. The line's last member is its position in the
// chain, with a MAC over the previous line's MAC and all preceding bytes of the line.
func (c *chain) seal(dst, object []byte) []byte {
	start := len(dst)
	dst = append(append(dst, object[:len(object)-1]...), ',')
	dst = append(append(dst, chainStart...), c.id...)
	dst = append(dst, seqStart...)
	dst = append(strconv.AppendUint(dst, c.seq+1, 10), macStart...)
	c.h.Reset()
	c.h.Write([]byte(c.mac))
	c.h.Write(dst[start:])
	dst = macs.AppendEncode(dst, c.h.Sum(c.sum[:0]))
	c.seq, c.mac = c.seq+1, string(dst[len(dst)-macLen:])
	return append(append(dst, lineEnd...), '\n')
}

// sealed is a parsed line of a chain.
type sealed struct {
	link
	signed []byte // what the MAC covers, besides the previous MAC
}

var errNotSealed = errors.New("not a line of a chain")

// open parses a line, without its line feed. It does not verify the MAC.
func open(line []byte) (s sealed, err error) {
	head, ok := bytes.CutSuffix(line, []byte(lineEnd))
	last := bytes.LastIndex(head, []byte(macStart))
	if !ok || last < 0 || line[0] != '{' {
		return s, errNotSealed
	}
	place := head[:last]
	last += len(macStart)
	s.signed, s.mac = head[:last], string(head[last:])
	at := bytes.LastIndex(place, []byte(chainStart))
	if at < 0 || !isMAC(s.mac) {
		return s, errNotSealed
	}
	id, seq, found := bytes.Cut(place[at+len(chainStart):], []byte(seqStart))
	if !found || bytes.ContainsAny(id, `"\`) {
		return s, errNotSealed
	}
	s.id = string(id)
	if s.seq, err = strconv.ParseUint(string(seq), 10, 64); err != nil || s.seq == 0 {
		return s, errNotSealed
	}
	return s, nil
}

// isMAC reports whether text is a MAC as this program or an older one writes it.
func isMAC(text string) bool {
	if len(text) == macLen {
		_, err := macs.DecodeString(text)
		return err == nil
	}
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == sha256.Size && hex.EncodeToString(raw) == text
}

// follows reports whether the line was sealed directly after the line with this MAC.
func (s *sealed) follows(h hash.Hash, mac string) bool {
	h.Reset()
	h.Write([]byte(mac))
	h.Write(s.signed)
	sum := h.Sum(nil)
	want := macs.EncodeToString(sum)
	if len(s.mac) != macLen {
		want = hex.EncodeToString(sum)
	}
	return hmac.Equal([]byte(want), []byte(s.mac))
}
