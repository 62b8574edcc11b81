package identity

import (
	"bytes"
	"strings"
	"testing"

	"resellerd/store/history"
)

func testSealer(t testing.TB) *Sealer {
	t.Helper()
	s, err := NewSealer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedTextOpensOnlyAsItWasSealed(t *testing.T) {
	t.Parallel()
	s := testSealer(t)
	sealed := s.Seal("cursor", []byte("usr_a"), []byte("hidden"))
	if text, err := s.Open("cursor", []byte("usr_a"), sealed); err != nil || string(text) != "hidden" {
		t.Fatalf("%q, %v", text, err)
	}
	if strings.Contains(sealed, "hidden") {
		t.Error("the text can be read")
	}
	if sealed != s.Seal("cursor", []byte("usr_a"), []byte("hidden")) {
		t.Error("sealing the same again gives other bytes")
	}
	other, err := NewSealer(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another binding": func() ([]byte, error) { return s.Open("cursor", []byte("usr_b"), sealed) },
		"another purpose": func() ([]byte, error) { return s.Open("revision", []byte("usr_a"), sealed) },
		"another store":   func() ([]byte, error) { return other.Open("cursor", []byte("usr_a"), sealed) },
		"cut":             func() ([]byte, error) { return s.Open("cursor", []byte("usr_a"), sealed[:8]) },
		"longer":          func() ([]byte, error) { return s.Open("cursor", []byte("usr_a"), sealed+"AA") },
		"no base64":       func() ([]byte, error) { return s.Open("cursor", []byte("usr_a"), "!!") },
		"empty":           func() ([]byte, error) { return s.Open("cursor", []byte("usr_a"), "") },
		"changed":         func() ([]byte, error) { return s.Open("cursor", []byte("usr_a"), flip(sealed)) },
	} {
		if text, err := open(); err != errSeal {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func flip(s string) string {
	b := []byte(s)
	i := len(b) / 2
	if b[i]++; b[i] == '{' || b[i] == '[' || b[i] == ':' || b[i] == '`' || b[i] == '.' {
		b[i] = 'A'
	}
	return string(b)
}

func TestRevisionsTravelSealed(t *testing.T) {
	t.Parallel()
	s := testSealer(t)
	for _, n := range []int64{0, 1, 1 << 40} {
		r := history.DataRevision{N: n, Mark: history.Mark{1, 2, 15: 3}}
		if back, err := s.OpenRevision(s.SealRevision(r)); err != nil || back != r {
			t.Errorf("%v came back as %v, %v", r, back, err)
		}
	}
	if _, err := s.OpenRevision("12"); err != errSeal {
		t.Errorf("a bare number: %v", err)
	}
}

// FuzzOpen opens texts that callers made. A text that opens is the one that was sealed.
func FuzzOpen(f *testing.F) {
	s := testSealer(f)
	for _, text := range []string{"", "x", s.Seal("cursor", []byte("usr_a"), []byte("hidden")), s.Seal("cursor", nil, nil), s.SealRevision(history.DataRevision{N: 7})} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, sealed string) {
		if text, err := s.Open("cursor", []byte("usr_a"), sealed); err == nil && s.Seal("cursor", []byte("usr_a"), text) != sealed {
			t.Errorf("%q opens as %q", sealed, text)
		}
		if r, err := s.OpenRevision(sealed); err == nil && r.Mark != (history.DataRevision{}).Mark && s.SealRevision(r) != sealed {
			t.Errorf("%q opens as %v", sealed, r)
		}
	})
}
