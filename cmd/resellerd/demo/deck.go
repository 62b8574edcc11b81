package demo

import (
	"bytes"
	_ "embed" // the destinations
	"encoding/csv"
	"fmt"
	"hash/fnv"
	"iter"
	"strings"

	"resellerd/store"
	"resellerd/store/schema"
)

//go:embed countries.csv
var countriesCSV []byte

//go:embed npas.csv
var npasCSV []byte

// deck is a list of rates for a card's revision.
type deck []store.Rate

// world reads the A-Z deck: each country's lines, cities and mobile networks.
func world() (deck, error) {
	var all deck
	rows, err := table(countriesCSV)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		lines, err := country(row)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	return all, nil
}

// country returns the rates of one row: code, country, price of a call to a fixed
// line, cities, price of a call to a mobile, mobile prefixes.
func country(row []string) (deck, error) {
	code, name := row[0], row[1]
	fixed, err := schema.ParseMoney(row[2])
	if err != nil {
		return nil, err
	}
	lines := deck{rate(code, name, fixed)}
	if name == "Canada" { // it shares its code with the USA, so only its areas have rates
		lines = nil
	}
	for _, city := range list(row[3]) {
		place, digits, _ := strings.Cut(city, ":")
		lines = append(lines, rate(code+digits, name+" - "+place, near(fixed, 92, place)))
	}
	if row[4] == "" {
		return lines, nil
	}
	mobile, err := schema.ParseMoney(row[4])
	for _, digits := range list(row[5]) {
		lines = append(lines, rate(code+digits, name+" - Mobile", near(mobile, 97, digits)))
	}
	return lines, err
}

// exchanges is how many exchanges of each area code the US deck has.
const exchanges = 24

// america returns the US deck: NPA-NXX rows as 1NPANXX, with an interstate and an
// intrastate rate.
func america() (deck, error) {
	rows, err := table(npasCSV)
	if err != nil {
		return nil, err
	}
	var all deck
	for _, row := range rows {
		intra, err := schema.ParseMoney(row[2])
		if err != nil {
			return nil, err
		}
		for i := range exchanges {
			exchange := fmt.Sprint(200 + (i*31+int(row[0][2]))%790)
			r := rate("1"+row[0]+exchange, "USA - "+row[1], 0)
			home, away := near(intra, 100, exchange), near(intra, 62, exchange)
			r.Intra, r.Inter, r.Cost = &home, &away, max(home, away)
			r.MCD, r.Pulse = 6, 6
			all = append(all, r)
		}
	}
	return all, nil
}

func rate(prefix, name string, cost int64) store.Rate {
	r := store.Rate{Prefix: prefix, Name: name, Cost: cost, MCD: 1, Pulse: 1}
	switch prefix[:1] {
	case "5":
		r.MCD, r.Pulse = 60, 60
	case "2", "9":
		r.MCD, r.Pulse = 30, 6
	}
	r.Blocked = strings.HasPrefix(prefix, "88") && r.Cost > cent*500 || strings.HasPrefix(prefix, "870")
	return r
}

// cent is 0.01 in the store's units of money.
const cent = 100_000_000

// near returns about percent of price. The same word always gives the same result.
func near(price, percent int64, word string) int64 {
	h := fnv.New32a()
	h.Write([]byte(word))
	return toTenThousandth(price * (percent*10 + int64(h.Sum32()%90)) / 1000)
}

func toTenThousandth(price int64) int64 { return max(price/(cent/100), 1) * (cent / 100) }

// dearer returns the deck with percent added to every price.
func (d deck) dearer(percent int64) deck {
	up := func(price int64) int64 { return toTenThousandth(price*(100+percent)/100 + cent/100 - 1) }
	sold := make(deck, len(d))
	for i, r := range d {
		r.Cost = up(r.Cost)
		if r.Inter != nil {
			inter, intra := up(*r.Inter), up(*r.Intra)
			r.Inter, r.Intra = &inter, &intra
		}
		sold[i] = r
	}
	return sold
}

// rates returns the deck as the rates of a revision.
func (d deck) rates() iter.Seq2[store.Rate, error] {
	return func(yield func(store.Rate, error) bool) {
		for _, r := range d {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// table reads a CSV without its header row.
func table(text []byte) ([][]string, error) {
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	return rows[1:], nil
}

func list(cell string) []string {
	if cell == "" {
		return nil
	}
	return strings.Split(cell, ";")
}
