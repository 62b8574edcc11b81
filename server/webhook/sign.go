package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"resellerd/server/feed"
)

// Secret is the key that signs the messages of a webhook.
type Secret []byte

// secretPrefix begins every secret as text.
const secretPrefix = "whsec_"

// NewSecret returns 32 random bytes.
func NewSecret() Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, by its contract
	return b
}

// String is the secret as receivers get it.
func (s Secret) String() string { return secretPrefix + base64.StdEncoding.EncodeToString(s) }

// Sign returns the signature of a message that is sent at a time.
func (s Secret) Sign(id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, s)
	_, _ = h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + ".")) // a hash never fails
	_, _ = h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// sign returns the signatures of all secrets, separated by spaces.
func sign(secrets []Secret, id string, at time.Time, body []byte) string {
	all := make([]string, len(secrets))
	for i, s := range secrets {
		all[i] = s.Sign(id, at, body)
	}
	return strings.Join(all, " ")
}

// The types of messages.
const (
	typeChanged = "data.changed"
	typeReset   = "data.reset"
)

// Message is the body of a request to a receiver.
type Message struct {
	Type      string    `json:"type"` // data.changed or data.reset
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
}

// Data is what changed.
type Data struct {
	Items []feed.Item `json:"items"`
	Reset bool        `json:"reset,omitempty"` // drop everything that you keep, and read it anew
}

// body returns the message for an answer of the feed.
func body(a feed.Answer, at time.Time) (string, error) {
	m := Message{Type: typeChanged, Timestamp: at.UTC(), Data: Data{Items: a.Items, Reset: a.Reset}}
	if a.Reset {
		m.Type = typeReset
	}
	if a.Items == nil {
		m.Data.Items = []feed.Item{}
	}
	text, err := json.Marshal(m)
	return string(text), err
}
