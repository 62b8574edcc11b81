package cardfile_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"resellerd/store/cardfile"
)

// line returns one object of NDJSON with its names in order.
func line(names, values []string) string {
	var out []string
	for i, name := range names {
		key, _ := json.Marshal(name)
		value, _ := json.Marshal(values[i])
		out = append(out, string(key)+":"+string(value))
	}
	return "{" + strings.Join(out, ",") + "}\n"
}

// The meaning of a name does not depend on its position.
func TestNamesOfObjectsAreReadAsHeadingsAre(t *testing.T) {
	names := rapid.SampledFrom([]string{
		"prefix", "code", "cost", "rate", "rate_usd", "price_eur", "Rate (EUR/USD)", "name", "country", "destination", "inter_eur", "mcd", "pulse",
		"increment", "connect", "connect_usd", "note", "status", "colour", "currency",
	})
	cells := map[string]string{"name": "x", "country": "y", "destination": "z", "note": "n", "colour": "red", "status": "open", "currency": "EUR", "prefix": "49", "code": "49"}
	rapid.Check(t, func(rt *rapid.T) {
		head := rapid.SliceOfNDistinct(names, 1, 8, rapid.ID).Draw(rt, "head")
		var values []string
		for _, name := range head {
			values = append(values, max(cells[name], "1"))
		}
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		_ = w.WriteAll([][]string{head, values})
		o := cardfile.Options{Currency: rapid.SampledFrom([]string{"", "EUR", "USD"}).Draw(rt, "currency")}
		rows, report, err := readAll(t, fileOf("a.csv", text.Bytes()), o)
		same, other, failed := readAll(t, fileOf("a.ndjson", []byte(line(head, values))), o)
		var bad, none *cardfile.FileError
		switch {
		case errors.As(err, &bad) && (bad.Option == "columns" || bad.Option == "map") && failed == nil: // an object that is not a row
			if other.Lines.Refused != 1 || len(same) != 0 {
				rt.Fatalf("%v: %v %+v", err, failed, other)
			}
		case err != nil && bad.Option == "":
			if !errors.As(failed, &none) || none.Text != bad.Text {
				rt.Fatalf("%v: %v", err, failed)
			}
		case err == nil && (failed != nil || !reflect.DeepEqual(rows, same) || !reflect.DeepEqual(report.Columns, other.Columns) ||
			!reflect.DeepEqual(report.Ignored, other.Ignored) || !reflect.DeepEqual(report.Warnings, other.Warnings)):
			rt.Fatalf("%+v\n%+v\n%v", report, other, failed)
		}
	})
}

func TestAnObjectThatSaysAThingTwiceIsRefused(t *testing.T) {
	text := `{"prefix":"49","cost":"1","pulse":1}
{"prefix":"50","cost":"1","cost":"2","pulse":1}
{"prefix":"51","rate":"1","price":"2","pulse":1}
{"prefix":"52","cost":"1","note":"a","note":"b","pulse":1}
{"prefix":"53","cost":"1","Cost":"1","pulse":1}
{"prefix":"54","cost":"1","pulse":1,"name":"a","na\u006de":"b"}
{"prefix":"55","cost":"2","pulse":1}
{"rows":7}
`
	rows, report, err := readAll(t, fileOf("a.ndjson", []byte(text)), cardfile.Options{})
	golden(t, "testdata/golden/ndjson-twice.json", rows, report, err)
}

func TestACurrencyInTheNamesOfAnObjectIsHeldAgainstTheCards(t *testing.T) {
	text := `{"prefix":"49","cost":"1"}
{"prefix":"50","rate_usd":"1"}
`
	for currency, want := range map[string]string{"USD": "", "": "", "EUR": "line 2: the headings have the currency USD, and the card has EUR"} {
		_, _, err := readAll(t, fileOf("a.ndjson", []byte(text)), cardfile.Options{Currency: currency})
		if got := errorText(err); got != want {
			t.Errorf("%s: %q, want %q", currency, got, want)
		}
	}
}

func TestHeadingsOfTwoCurrenciesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"prefix,rate (USD),connect (EUR)\n49,1,1\n": "line 1: the headings have the currencies USD and EUR",
		"prefix,rate (USD),connect (USD)\n49,1,1\n": "",
		"prefix,rate,connect (EUR)\n49,1,1\n":       "",
	} {
		_, _, err := readAll(t, fileOf("a.csv", []byte(text)), cardfile.Options{})
		if got := errorText(err); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	told := cardfile.Options{Currency: "EUR", Columns: []string{"prefix", "cost"}}
	for text, want := range map[string]string{"code,rate (USD)\n49,1\n": "line 1: the headings have the currency USD, and the card has EUR", "code,rate (EUR)\n49,1\n": "", "code,rate,USD\n49,1\n": ""} {
		if _, _, err := readAll(t, fileOf("a.csv", []byte(text)), told); errorText(err) != want {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
