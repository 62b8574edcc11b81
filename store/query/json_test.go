package query

import (
	"bytes"
	"encoding/json"
	"testing"
)

func FuzzAppendString(f *testing.F) {
	for _, text := range []string{"", `"\`, "<&>", "\x00\n\t\r\x1f\x7f", "ä😀", "\u2028\u2029\ufffd", "\xff\xc3", "a\xe2\x80"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := AppendString(nil, text)
		var back, want string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q became %s: %v", text, got, err)
		}
		standard, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(standard, &want); err != nil || back != want {
			t.Errorf("%q became %q", text, back)
		}
		if bytes.ContainsAny(got, "<>&\u2028\u2029\n\r\x00") {
			t.Errorf("%q became %s", text, got)
		}
	})
}

func TestDocumentsAreCompact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`["a", "b c"]`:              `["a","b c"]`,
		`{"a" : "x \" , y", "b":1}`: `{"a":"x \" , y","b":1}`,
		`"\\" `:                     `"\\"`,
	} {
		if got := string(appendCompact(nil, text)); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
}
