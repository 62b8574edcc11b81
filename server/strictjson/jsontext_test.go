package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestParseJSONRefusesWhatTwoReadersCouldReadApart(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":                    ``,
		"only space":               "  \n",
		"a name given twice":       `{"a":1,"a":2}`,
		"a name twice by escape":   `{"a":1,"\u0061":2}`,
		"an inner name twice":      `{"x":{"a":1,"a":2}}`,
		"nul by escape":            `{"a":"\u0000"}`,
		"nul as a byte":            "{\"a\":\"\x00\"}",
		"nul in a name":            `{"\u0000":1}`,
		"invalid utf-8":            "{\"a\":\"\xff\"}",
		"overlong utf-8":           "{\"a\":\"\xc0\xaf\"}",
		"encoded surrogate":        "{\"a\":\"\xed\xa0\x80\"}",
		"lone high surrogate":      `{"a":"\ud800"}`,
		"lone low surrogate":       `{"a":"\udc00"}`,
		"two high surrogates":      `{"a":"\ud800\ud800"}`,
		"text after the value":     `{} {}`,
		"trailing comma":           `{"a":1,}`,
		"trailing comma in a list": `[1,]`,
		"comment":                  `{/**/}`,
		"single quotes":            `{'a':1}`,
		"leading zero":             `01`,
		"bare minus":               `-`,
		"bare dot":                 `1.`,
		"plus":                     `+1`,
		"bare exponent":            `1e`,
		"nan":                      `NaN`,
		"short word":               `tru`,
		"raw newline":              "\"a\nb\"",
		"unknown escape":           `"\x"`,
		"open string":              `"abc`,
		"open escape":              `"abc\`,
		"open unicode":             `"\u12`,
		"open object":              `{"a":1`,
		"open list":                `[1`,
		"no colon":                 `{"a" 1}`,
		"no name":                  `{1:1}`,
		"byte order mark":          "\ufeff{}",
		"too deep":                 strings.Repeat("[", 80) + strings.Repeat("]", 80),
	} {
		if v, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: %q was read as %v", name, text, v)
		}
	}
}

func TestParseJSONReadsWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `[]`, ` { "a" : [ 1 , -0.5e+3 , true , false , null , "x" ] } `, `"\ud83d\ude00 \"\\\/\b\f\n\r\t\u00e9"`,
		`{"A":1,"a":2}`, `-0`, `1E5`, `"é€😀"`, `{"":{"":[[]]}}`,
	} {
		ours, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if theirs := standardJSON(t, text); !reflect.DeepEqual(ours, theirs) {
			t.Errorf("%s: %#v, want %#v", text, ours, theirs)
		}
	}
}

func standardJSON(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestParseJSONKeepsNothingOfTheBuffer(t *testing.T) {
	t.Parallel()
	buffer := []byte(`{"name":"value","n":12,"e":"a\nb"}`)
	v, err := Parse(buffer)
	if err != nil {
		t.Fatal(err)
	}
	for i := range buffer {
		buffer[i] = 'X'
	}
	want := map[string]any{"name": "value", "n": json.Number("12"), "e": "a\nb"}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("changed with the buffer: %v", v)
	}
}

// encoding/json accepts every text that Parse accepts, and reads the same value.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\u00e9",{"b":null}]}`, `"\ud83d\ude00"`, `[1e5,-0]`, `{"a":1,"a":2}`, "\"\xff\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ours, err := Parse([]byte(text))
		if err != nil {
			return
		}
		if theirs := standardJSON(t, text); !reflect.DeepEqual(ours, theirs) {
			t.Fatalf("%q: %#v, want %#v", text, ours, theirs)
		}
	})
}
