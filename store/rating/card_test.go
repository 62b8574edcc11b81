package rating

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// prefix parses a prefix literal of a test.
func prefix(text string) Prefix {
	p, err := ParsePrefix(text)
	if err != nil {
		panic(err)
	}
	return p
}

// row returns an open row with the increment 1/1.
func row(digits, cost string) Row {
	return Row{prefix(digits), Rate{Cost: money(cost), Increment: Increment{1, 1}}}
}

func shut(digits string) Row { return Row{prefix(digits), blocked} }

// drawCard draws a card of short prefixes over three digits, so that many nest.
func drawCard(t *rapid.T, name string) []Row {
	digits := rapid.SliceOfNDistinct(rapid.StringMatching(`[079]{1,5}`), 0, 12, rapid.ID[string]).Draw(t, name)
	slices.Sort(digits)
	rows := make([]Row, len(digits))
	for i, d := range digits {
		rows[i] = Row{prefix(d), drawRate(t)}
	}
	return rows
}

func drawRate(t *rapid.T) Rate {
	if rapid.IntRange(0, 4).Draw(t, "blocked") == 0 {
		return blocked
	}
	price := func(name string) Money {
		return Money(rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 3e9)).Draw(t, name)) * 1e5 / 3
	}
	rate := Rate{
		Cost: price("cost"), Connect: price("connect") / 100,
		Increment: rapid.SampledFrom([]Increment{{1, 1}, {0, 1}, {30, 6}, {60, 60}, {6, 6}, {60, 1}, {0, 7}}).Draw(t, "increment"),
	}
	if rapid.Bool().Draw(t, "has inter") {
		rate.Inter = Some(price("inter"))
	}
	if rapid.Bool().Draw(t, "has intra") {
		rate.Intra = Some(price("intra"))
	}
	return rate
}

// longestMatch defines the result of a look-up.
func longestMatch(rows []Row, number string) *Row {
	var found *Row
	for i := range rows {
		if strings.HasPrefix(number, rows[i].Prefix.String()) &&
			(found == nil || rows[i].Prefix.Len() > found.Prefix.Len()) {
			found = &rows[i]
		}
	}
	return found
}

func TestPrefixesAreReadAndWritten(t *testing.T) {
	for _, text := range []string{"0", "00", "49", "999999999999999", "123456789012345"} {
		if got := prefix(text); got.String() != text || got.Len() != len(text) {
			t.Errorf("%s is %s of %d", text, got, got.Len())
		}
	}
	for _, text := range []string{"", "+49", "4 9", "4a", "1234567890123456", "٤"} {
		if got, err := ParsePrefix(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
	if number, err := ParseNumber("12345678901234567"); err != nil || number != prefix("123456789012345") {
		t.Errorf("a long number is %s, %v", number, err)
	}
	if _, err := ParseNumber("1234567890123456x"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a letter far behind: %v", err)
	}
}

func TestPrefixesSortAsTheirTexts(t *testing.T) {
	digits := rapid.StringMatching(`[019]{1,15}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := digits.Draw(t, "a"), digits.Draw(t, "b")
		p, q := prefix(a), prefix(b)
		if cmp.Compare(p, q) != strings.Compare(a, b) {
			t.Fatalf("%s and %s", p, q)
		}
		if p.Covers(q) != strings.HasPrefix(b, a) {
			t.Fatalf("%s covers %s: %v", p, q, p.Covers(q))
		}
		n := p.common(q)
		if a[:n] != b[:n] || n < min(len(a), len(b)) && a[n] == b[n] {
			t.Fatalf("%s and %s begin with %d alike", p, q, n)
		}
	})
}

func FuzzParsePrefix(f *testing.F) {
	for _, text := range []string{"49", "", "+49", "123456789012345", "1234567890123456"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePrefix(text); err == nil && p.String() != text {
			t.Errorf("%q is %s", text, p)
		}
	})
}

func table(t testing.TB, rows []Row) *Table {
	t.Helper()
	made, err := NewTable(Rows(rows), len(rows))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestTheLongestPrefixWinsAndABlockedOneEndsTheSearch(t *testing.T) {
	card := table(t, []Row{row("4", "1"), row("49", "2"), shut("4915"), row("49157", "3"), row("7", "4")})
	for number, want := range map[string]string{
		"4": "4", "48": "4", "49": "49", "4911": "49", "4915": "4915", "491512": "4915", "491571": "49157", "79": "7",
		"5": "", "3": "", "8": "",
	} {
		got, found := card.Find(prefix(number))
		if found != (want != "") || got.Prefix.String() != want || got.Blocked != (want == "4915") {
			t.Errorf("%s is rated by %s, %v; want %s", number, got.Prefix, got.Blocked, want)
		}
	}
	if _, found := card.Find(0); found {
		t.Error("no number was found")
	}
	if _, found := table(t, nil).Find(prefix("1")); found {
		t.Error("an empty card found something")
	}
}

func TestATableAnswersAsItsRowsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawCard(t, "card")
		made, err := NewTable(Rows(rows), 0)
		if err != nil {
			t.Fatal(err)
		}
		number := rapid.StringMatching(`[0579]{1,6}`).Draw(t, "number")
		got, found := made.Find(prefix(number))
		want := longestMatch(rows, number)
		if found != (want != nil) || found && got != *want {
			t.Fatalf("%s: %v, want %v", number, got, want)
		}
		if again := collect(t, made.Rows()); !slices.Equal(again, rows) {
			t.Fatalf("rows come back as %v", again)
		}
	})
}

func TestATableOfManyRowsAnswersAtItsMarks(t *testing.T) {
	rows := deck(1000, 1)
	made := table(t, rows)
	if made.Len() != 1000 || made.Bytes() < 76_000 || made.Bytes() > 77_000 {
		t.Errorf("%d rows in %d bytes", made.Len(), made.Bytes())
	}
	for i, r := range rows {
		if got, found := made.Find(r.Prefix); !found || got != r {
			t.Fatalf("row %d: %v", i, got)
		}
	}
}

type failer interface{ Fatal(args ...any) }

func collect(t failer, source Source) []Row {
	var rows []Row
	for {
		r, more, err := source()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return rows
		}
		rows = append(rows, r)
	}
}

var errSource = errors.New("the source failed")

func TestRowsThatAreRefused(t *testing.T) {
	failing := func() (Row, bool, error) { return Row{}, false, errSource }
	for name, c := range map[string]struct {
		card Source
		want error
	}{
		"descending":  {Rows([]Row{row("5", "1"), row("4", "1")}), ErrOrder},
		"repeated":    {Rows([]Row{row("5", "1"), row("5", "1")}), ErrOrder},
		"no prefix":   {Rows([]Row{{}}), ErrOrder},
		"no pulse":    {Rows([]Row{row("4", "1"), {Prefix: prefix("5")}}), ErrInvalid},
		"a failure":   {failing, errSource},
		"below price": {Rows([]Row{row("4", "1"), row("5", "-1")}), ErrNegative},
	} {
		if _, err := NewTable(c.card, 0); !errors.Is(err, c.want) {
			t.Errorf("%s: table: %v", name, err)
		}
	}
	visit := func(Prefix, []*Row) error { return nil }
	for name, second := range map[string]Source{
		"at once": failing,
		"later":   failAfter(row("4", "1")),
	} {
		if err := Normalise([]Source{Rows(nil), second}, nil, visit); !errors.Is(err, errSource) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stop := func(Prefix, []*Row) error { return errSource }
	if err := Normalise([]Source{Rows([]Row{row("4", "1")})}, nil, stop); !errors.Is(err, errSource) {
		t.Errorf("a visit that fails: %v", err)
	}
}

func failAfter(rows ...Row) Source {
	next := Rows(rows)
	return func() (Row, bool, error) {
		if r, more, _ := next(); more {
			return r, true, nil
		}
		return Row{}, false, errSource
	}
}

func TestNormalisedCardsRateEveryNumberAsBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cards := [][]Row{drawCard(t, "a"), drawCard(t, "b"), drawCard(t, "c")}
		extra := []Prefix{prefix("07"), prefix("9979")}
		var visited []Prefix
		found := map[Prefix][]*Row{}
		err := Normalise([]Source{Rows(cards[0]), Rows(cards[1]), Rows(cards[2])}, extra, func(p Prefix, rows []*Row) error {
			visited = append(visited, p)
			kept := make([]*Row, len(rows))
			for i, r := range rows {
				if r != nil {
					kept[i] = &Row{r.Prefix, r.Rate}
				}
			}
			found[p] = kept
			return nil
		})
		if err != nil || !slices.IsSorted(visited) || len(found) != len(visited) {
			t.Fatalf("visited %v, %v", visited, err)
		}
		number := rapid.StringMatching(`[0579]{1,6}`).Draw(t, "number")
		got := make([]*Row, 3)
		for n := len(number); n > 0; n-- {
			if rows, ok := found[prefix(number[:n])]; ok {
				got = rows
				break
			}
		}
		for i, card := range cards {
			want := longestMatch(card, number)
			if (want == nil) != (got[i] == nil) || want != nil && *want != *got[i] {
				t.Fatalf("%s on card %d: %v, want %v", number, i, got[i], want)
			}
		}
	})
}

// deck returns n rows of ten digits with different prices.
func deck(n int, factor Money) []Row {
	rows := make([]Row, n)
	for i := range rows {
		cost := Money(20_000_000+i*7919%1_000_000*100) * factor
		rows[i] = Row{prefix(fmt.Sprintf("1%09d", i*3)), Rate{
			Cost: cost, Inter: Some(cost + 1_000_000), Intra: Some(cost + 2_000_000), Increment: Increment{6, 6},
		}}
	}
	return rows
}

func BenchmarkTable(b *testing.B) {
	const n = 250_000
	for name, distinct := range map[string]int{"all prices differ": n, "20000 prices": 20_000} {
		rows := deck(n, 1)
		for i := range rows {
			rows[i].Cost = Money(i % distinct)
			rows[i].Inter, rows[i].Intra = Some(rows[i].Cost+1), Some(rows[i].Cost+2)
		}
		b.Run(name, func(b *testing.B) {
			made := table(b, rows)
			i := 0
			for b.Loop() {
				i = (i + 77_777) % n
				if _, found := made.Find(rows[i].Prefix); !found {
					b.Fatal("not found")
				}
			}
			b.ReportMetric(float64(made.Bytes())/n, "B/prefix")
		})
	}
}
