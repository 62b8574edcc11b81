package webhook

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"resellerd/server/feed"
)

// The examples of the specification's own libraries.
func TestSignaturesEqualThePublishedExamples(t *testing.T) {
	t.Parallel()
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Secret(secret).String(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"; got != want {
		t.Errorf("the secret is %s, want %s", got, want)
	}
	got := Secret(secret).Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
}

func TestEverySecretSigns(t *testing.T) {
	t.Parallel()
	a, b, at := NewSecret(), NewSecret(), time.Unix(1, 0)
	got := strings.Fields(sign([]Secret{a, b}, "msg_1", at, []byte("{}")))
	if len(got) != 2 || got[0] != a.Sign("msg_1", at, []byte("{}")) || got[1] != b.Sign("msg_1", at, []byte("{}")) || got[0] == got[1] {
		t.Errorf("the signatures are %v", got)
	}
}

func TestMessagesAreSmallAndHaveTheItemsOfTheFeed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.FixedZone("", 3600))
	for want, a := range map[string]feed.Answer{
		`{"type":"data.changed","timestamp":"2026-11-30T11:00:00Z","data":{"items":[{"kind":"user","id":"usr_1"},{"kind":"card","id":"crd_1","gone":true}]}}`: {
			Items: []feed.Item{{Kind: "user", ID: "usr_1"}, {Kind: "card", ID: "crd_1", Gone: true}}},
		`{"type":"data.reset","timestamp":"2026-11-30T11:00:00Z","data":{"items":[],"reset":true}}`: {Reset: true},
	} {
		if got, err := body(a, at); err != nil || got != want {
			t.Errorf("the message is %s (%v), want %s", got, err, want)
		}
	}
	full := make([]feed.Item, mostItems)
	for i := range full {
		full[i] = feed.Item{Kind: "customer", ID: strings.Repeat("x", 30), Gone: true}
	}
	if text, err := body(feed.Answer{Items: full}, at); err != nil || len(text) > 20_000 {
		t.Errorf("a full message has %d bytes (%v)", len(text), err)
	}
}
