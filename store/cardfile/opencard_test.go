package cardfile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/store/cardfile"
)

// document is an open rate card with properties of the document and of its card.
func document(properties, ofCard string) cardfile.File {
	return fileOf("a.json", fmt.Appendf(nil, `{%s"cards":{"a":{%s"fields":[{"name":"prefix"},{"name":"rate"}],"rates":[["44",1]]}}}`, properties, ofCard))
}

// The dates of the card go before those of the document.
func TestDatesOfACardGoBeforeThoseOfItsDocument(t *testing.T) {
	t.Parallel()
	const was, soon, late = `"2020-01-01T00:00:00Z"`, `"2027-01-01T00:00:00Z"`, `"2028-01-01T00:00:00Z"`
	for _, c := range []struct{ properties, ofCard, want string }{
		{`"effective_date":` + soon + `,`, ``, "44=1 0/1 2027-01-01T00:00:00Z"},
		{``, `"effective_date":` + soon + `,`, "44=1 0/1 2027-01-01T00:00:00Z"},
		{`"effective_date":` + soon + `,`, `"effective_date":` + late + `,`, "44=1 0/1 2028-01-01T00:00:00Z"},
		{`"effective_date":` + soon + `,`, `"effective_date":` + was + `,`, "44=1 0/1"},
		{``, `"effective_date":"2027-01-01",`, "zone: zone=UTC"},
		{`"timezone":"Europe/Berlin",`, `"effective_date":"2027-01-01",`, "44=1 0/1 2026-12-31T23:00:00Z"},
		{`"expiry_date":` + was + `,`, ``, "error: the document's rates expired on 2020-01-01"},
		{``, `"expiry_date":` + was + `,`, "error: the document's rates expired on 2020-01-01"},
		{`"expiry_date":` + late + `,`, `"expiry_date":` + was + `,`, "error: the document's rates expired on 2020-01-01"},
		{`"expiry_date":` + was + `,`, `"expiry_date":` + late + `,`, "expiry: expiry=ignore"},
		{``, `"expiry_date":` + soon + `,`, "expiry: expiry=ignore"},
	} {
		got := askedOf(t, document(c.properties, c.ofCard), cardfile.Options{NANP: no()})
		if got != c.want && (!strings.Contains(c.want, ":") || !strings.HasPrefix(got, c.want)) || strings.HasPrefix(c.want, "44") && got != c.want {
			t.Errorf("%s %s: %s, want %s", c.properties, c.ofCard, got, c.want)
		}
		if strings.HasPrefix(c.want, "expiry") {
			if got := askedOf(t, document(c.properties, c.ofCard), cardfile.Options{NANP: no(), Expiry: cardfile.ExpiryIgnore, Zone: time.UTC}); got != "44=1 0/1" {
				t.Errorf("%s %s, answered: %s", c.properties, c.ofCard, got)
			}
		}
	}
}

// Rates at an address are never fetched. Beside rates in the document, the report names the address.
func TestRatesAtAnAddressAreNamed(t *testing.T) {
	t.Parallel()
	const uri = `"rate_card":{"uri":"https://rates.example/x.json"},`
	_, report, err := readAll(t, document(``, uri), cardfile.Options{NANP: no()})
	const want = "the document also names rates at https://rates.example/x.json, which are not read"
	if err != nil || report.Rates != 1 || !strings.Contains(strings.Join(report.Warnings, "\n"), want) {
		t.Errorf("%v %+v", err, report)
	}
	alone := fileOf("a.json", []byte(`{"cards":{"a":{`+uri+`"fields":[{"name":"prefix"},{"name":"rate"}]}}}`))
	if got := askedOf(t, alone, cardfile.Options{NANP: no()}); got != "error: the document has no rates; they are at https://rates.example/x.json: download that file and import it" {
		t.Error(got)
	}
}

// A document may say in a description, or in a property of its own, what another file says above its rates.
func TestTheTextsOfADocumentAreHeard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ properties, ofCard, want string }{
		{``, `"description":"All rates in US cents",`, "unit rate: map=rate=cost:cents -> line 1: 44 costs 0.01"},
		{`"description":"All rates in US cents",`, ``, "unit rate: map=rate=cost:cents"},
		{`"metadata":{"notes":["Rates are per second"]},`, ``, "unit rate: map=rate=cost:second"},
		{``, `"unit":"cent",`, "unit rate: map=rate=cost:cents"},
		{``, `"unit":"second",`, "unit rate: map=rate=cost:second"},
		{``, `"rate":{"unit":"cents"},`, "unit rate: map=rate=cost:cents"},
		{``, `"notes":"Calls to 4479 are barred",`, "ignore=notes: Calls to 4479 are barred"},
		{``, `"end_date":"2026-01-01",`, "error: the line says that the rates ended on 2026-01-01"},
		{`"expiry":"2026-01-01",`, ``, "error: the line says that the rates ended on 2026-01-01"},
		{``, `"valid_from":"2027-01-01",`, "effective: effective=2027-01-01"},
		{`"effective_date":"2027-01-01T00:00:00Z",`, `"description":"Rates effective 2027-01-01",`, "44=1 0/1 2027-01-01T00:00:00Z"},
		{`"created":"2026-06-01","version":"1.2","$schema":"https://rates.example/v1",`, `"name":"Voice A-Z","description":"Termination, USD per minute","country":"US",`, "44=1 0/1"},
	} {
		got := askedOf(t, document(c.properties, c.ofCard), cardfile.Options{NANP: no()})
		if strings.HasPrefix(c.want, "44") && got != c.want || !strings.Contains(got, c.want) {
			t.Errorf("%s %s: %s, want %s", c.properties, c.ofCard, got, c.want)
		}
	}
	for properties, want := range map[string]string{`"unit":"cents"`: "unit rate: map=rate=cost:cents", `"description":"in US cents"`: "unit rate: map=rate=cost:cents", `"type":"number","unit":"minute"`: "44=1 0/6"} {
		file := fileOf("a.json", []byte(`{"cards":{"a":{"fields":[{"name":"prefix"},{"name":"rate",`+properties+`},{"name":"pulse","unit":"seconds"}],"rates":[["44",1,6]]}}}`))
		if got := askedOf(t, file, cardfile.Options{NANP: no()}); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", properties, got, want)
		}
	}
}
