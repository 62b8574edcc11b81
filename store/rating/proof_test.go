package rating

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTheKnownTrapLosesAtItsFirstSecond(t *testing.T) {
	bought, sold := row("44", "0.005"), row("44", "0.006")
	bought.Increment = Increment{60, 60}
	up, down := Rounding{3, Up}, Rounding{4, Down}
	cost, _ := bought.Charge(Indeterminate, 7, up)
	price, _ := sold.Charge(Indeterminate, 7, down)
	if cost.String() != "0.005" || price.String() != "0.0007" {
		t.Fatalf("a call of 7 s costs %s and earns %s", cost, price)
	}
	parents := []Side{{Rows([]Row{bought}), up, Par}}
	findings, sum := prove(t, Side{Rows([]Row{sold}), down, Par}, parents, Dearest)
	if len(findings) != 1 || sum != (Summary{Prefixes: 1, Losing: 1}) {
		t.Fatalf("%+v, %+v", findings, sum)
	}
	want := Finding{Prefix: prefix("44"), Sold: prefix("44"), Problem: Losing,
		Jurisdictions: SetOf(Indeterminate, Inter, Intra), Seconds: 1, Loss: money("0.0049")}
	if findings[0] != want || fmt.Sprint(findings[0].Jurisdictions) != "indeterminate, inter, intra" {
		t.Errorf("%+v, want %+v", findings[0], want)
	}
}

func prove(t failer, sale Side, parents []Side, routing Routing) ([]Finding, Summary) {
	var findings []Finding
	sum, err := Prove(sale, parents, routing, func(f Finding) error {
		findings = append(findings, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return findings, sum
}

func TestWhatIsSoldWithoutARouteIsFound(t *testing.T) {
	sold := []Row{row("44", "9"), row("5", "9"), row("7", "9"), shut("9")}
	bought := []Row{row("44", "1"), shut("447"), shut("7"), row("78", "1"), row("9", "1")}
	findings, sum := prove(t, Side{Rows(sold), four, Par}, []Side{{Rows(bought), four, Par}}, Dearest)
	want := []Finding{
		{Prefix: prefix("447"), Sold: prefix("44"), Problem: NoRoute, Blocked: true},
		{Prefix: prefix("5"), Sold: prefix("5"), Problem: NoRoute},
		{Prefix: prefix("7"), Sold: prefix("7"), Problem: NoRoute, Blocked: true},
	}
	if !slices.Equal(findings, want) || sum != (Summary{Prefixes: 5, NoRoute: 3}) {
		t.Errorf("%+v, %+v", findings, sum)
	}
}

func TestALossBelowTheSoldPrefixIsFound(t *testing.T) {
	bought := []Row{row("4", "0.01"), row("4477", "0.5")}
	findings, _ := prove(t, Side{Rows([]Row{row("44", "0.02")}), four, Par}, []Side{{Rows(bought), four, Par}}, Dearest)
	if len(findings) != 1 || findings[0].Prefix != prefix("4477") || findings[0].Sold != prefix("44") {
		t.Errorf("%+v", findings)
	}
}

func TestRoutingDecidesWhichParentCounts(t *testing.T) {
	// The parent with the lower price per minute bills whole minutes.
	cheap, dear := row("44", "0.005"), row("44", "0.02")
	cheap.Increment = Increment{60, 60}
	for _, c := range []struct {
		sold    string
		routing Routing
		want    string
	}{
		{"0.03", Dearest, "1 s by 0"}, {"0.03", Cheapest, "1 s by 0"},
		{"0.4", Dearest, ""}, {"0.01", Dearest, "1 s by 0"},
	} {
		parents := []Side{{Rows([]Row{cheap}), four, Par}, {Rows([]Row{dear}), four, Par}}
		findings, _ := prove(t, Side{Rows([]Row{row("44", c.sold)}), four, Par}, parents, c.routing)
		got := ""
		if len(findings) > 0 {
			got = fmt.Sprintf("%d s by %d", findings[0].Seconds, findings[0].Parent)
		}
		if got != c.want {
			t.Errorf("sold at %s: %s, want %s", c.sold, got, c.want)
		}
	}
	half, _ := ParseExchange("0.5")
	parents := []Side{{Rows([]Row{row("44", "0.03")}), four, half}, {Rows([]Row{row("44", "0.02")}), four, Par}}
	findings, _ := prove(t, Side{Rows([]Row{row("44", "0.016")}), Rounding{10, Up}, Par}, parents, Cheapest)
	if len(findings) != 0 {
		t.Errorf("the first is cheaper when converted: %+v", findings)
	}
}

func TestALossBeyondTwoHoursIsFoundByThePriceOfAMinute(t *testing.T) {
	bought, sold := row("44", "0.0101"), row("44", "0.01")
	sold.Connect = money("1")
	findings, _ := prove(t, Side{Rows([]Row{sold}), four, Par}, []Side{{Rows([]Row{bought}), four, Par}}, Dearest)
	if len(findings) != 1 || findings[0].Seconds != 0 || findings[0].Loss != money("0.0001") {
		t.Errorf("%+v", findings)
	}
}

func TestALossThatRoundingHidesAtFirstIsFound(t *testing.T) {
	for _, c := range []struct {
		sold   string
		buy    Rounding
		second uint32
	}{
		{"0.011", Rounding{2, HalfUp}, 30}, {"0.011", Rounding{2, HalfDown}, 31}, {"0.0199", Rounding{2, HalfUp}, 30},
		{"0.02", Rounding{2, HalfUp}, 0},
	} {
		findings, _ := prove(t, Side{Rows([]Row{row("44", c.sold)}), Rounding{10, Down}, Par},
			[]Side{{Rows([]Row{row("44", "0.01")}), c.buy, Par}}, Dearest)
		got := uint32(0)
		if len(findings) > 0 {
			got = findings[0].Seconds
		}
		if got != c.second {
			t.Errorf("bought at 0.01 %s, sold at %s: loses at %d s, want %d", c.buy.Mode, c.sold, got, c.second)
		}
	}
}

func TestProofsThatAreRefused(t *testing.T) {
	good := func() Side { return Side{Rows([]Row{row("4", "1")}), four, Par} }
	half, _ := ParseExchange("0.5")
	huge := Row{prefix("4"), Rate{Cost: math.MaxInt64, Increment: Increment{120, 60}}}
	for name, c := range map[string]struct {
		sale, parent Side
		routing      Routing
		want         error
	}{
		"no routing":          {good(), good(), 0, ErrInvalid},
		"no exchange":         {good(), Side{good().Rows, four, Exchange{}}, Dearest, ErrNoExchange},
		"no rounding":         {good(), Side{good().Rows, Rounding{}, Par}, Dearest, ErrInvalid},
		"no rounding of sale": {Side{good().Rows, Rounding{}, Par}, good(), Dearest, ErrInvalid},
		"a sale converted":    {Side{good().Rows, four, half}, good(), Dearest, ErrInvalid},
		"beyond the range":    {good(), Side{Rows([]Row{huge}), four, Par}, Dearest, ErrOverflow},
		"a sale beyond":       {Side{Rows([]Row{huge}), four, Par}, good(), Dearest, nil},
	} {
		_, err := Prove(c.sale, []Side{c.parent}, c.routing, func(Finding) error { return nil })
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, sold := range []Row{row("4", "0.5"), row("5", "1")} {
		_, err := Prove(Side{Rows([]Row{sold}), four, Par}, []Side{good()}, Dearest, func(Finding) error { return errSource })
		if !errors.Is(err, errSource) {
			t.Errorf("a report that fails: %v", err)
		}
	}
}

// naive checks every second of two hours, with rational numbers for other
// currencies.
func naive(t *rapid.T, d *duel) (loss, bool) {
	rate := func(l line) Rate { return Rate{Cost: l.price, Connect: l.connect, Increment: l.Increment} }
	bought, sold := rate(d.buy), rate(d.sell)
	factor := new(big.Rat).SetFrac(new(big.Int).SetUint64(d.exchange.num), new(big.Int).SetUint64(d.exchange.den))
	lost := func(out, in Money) *big.Rat {
		x := new(big.Rat).Mul(rat(out), factor)
		return x.Sub(x, rat(in))
	}
	for s := uint32(1); s <= longest; s++ {
		out, err1 := bought.Charge(Indeterminate, s, d.buy.rounding())
		in, err2 := sold.Charge(Indeterminate, s, d.sell.rounding())
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if d.exchange == Par && out <= in {
			continue
		}
		if x := lost(out, in); x.Sign() > 0 {
			return loss{s, *rounded(x, Rounding{10, Up})}, true
		}
	}
	if x := lost(d.buy.price, d.sell.price); x.Sign() > 0 {
		return loss{0, *rounded(x, Rounding{10, Up})}, true
	}
	return loss{}, false
}

// drawDuel draws two sides with similar prices, which are the interesting
// ones.
func drawDuel(t *rapid.T) *duel {
	increment := rapid.Custom(func(t *rapid.T) Increment {
		return rapid.OneOf(
			rapid.SampledFrom([]Increment{{1, 1}, {0, 1}, {60, 60}, {30, 6}, {6, 6}, {60, 1}, {1, 60}, {60, 6}, {0, 60}}),
			rapid.Custom(func(t *rapid.T) Increment {
				return Increment{rapid.Uint32Range(0, 200).Draw(t, "mcd"), rapid.Uint32Range(1, 100).Draw(t, "pulse")}
			}),
			rapid.Just(Increment{7300, 4000}), rapid.Just(Increment{0, 3600}),
		).Draw(t, "increment")
	})
	side := func(name string, price Money) line {
		r := Rounding{rapid.Uint8Range(2, 10).Draw(t, name+" decimals"), Mode(rapid.IntRange(1, 4).Draw(t, name+" mode"))}
		unit, _ := r.unit()
		connect := Money(rapid.SampledFrom([]int64{0, 0, 1e7, 5e7, 123_456}).Draw(t, name+" fee"))
		return line{price, connect, increment.Draw(t, name), r.Mode, unit}
	}
	price := Money(rapid.OneOf(rapid.Int64Range(0, 2e9), rapid.Map(rapid.Int64Range(0, 2000), func(n int64) int64 { return n * 1e6 })).Draw(t, "price"))
	extra := Money(rapid.OneOf(rapid.Int64Range(-1e6, 1e6), rapid.Int64Range(0, 1e9), rapid.SampledFrom([]int64{0, 1, -1, 1e6, 1e7})).Draw(t, "extra"))
	d := &duel{exchange: Par, buy: side("buy", price)}
	if rapid.IntRange(0, 2).Draw(t, "currencies") == 0 {
		x, _ := ParseExchange(rapid.StringMatching(`(0\.[0-9]{0,6}|[1-9]\.[0-9]{0,3})[1-9]`).Draw(t, "exchange"))
		d.exchange = x
		price, _ = x.Convert(price, Rounding{10, Up})
	}
	d.sell = side("sell", max(0, price+extra))
	return d
}

func TestTheFastProofFindsWhatEverySecondShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDuel(t)
		found, loses, err := d.first()
		want, should := naive(t, d)
		if err != nil || loses != should || found != want {
			t.Fatalf("found %+v, %v, %v; want %+v, %v", found, loses, err, want, should)
		}
	})
}

// A proof of whole cards equals the separate proofs of each prefix of their
// union, each jurisdiction and each parent.
func TestProofsOfCardsAgreeWithThoseOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sold, cards := drawCard(t, "sold"), [][]Row{drawCard(t, "a"), drawCard(t, "b")}
		sale := Side{Rows(sold), drawRounding(t), Par}
		var parents []Side
		union := map[Prefix]bool{}
		for _, card := range append(cards, sold) {
			for _, r := range card {
				union[r.Prefix] = true
			}
		}
		for _, card := range cards {
			parents = append(parents, Side{Rows(card), drawRounding(t), Par})
		}
		routing := Routing(rapid.IntRange(1, 2).Draw(t, "routing"))
		findings, sum := prove(t, sale, parents, routing)
		got := map[Prefix]Finding{}
		for _, f := range findings {
			if _, twice := got[f.Prefix]; twice {
				t.Fatalf("%s is found twice", f.Prefix)
			}
			got[f.Prefix] = f
		}
		for p := range union {
			own := longestMatch(sold, p.String())
			if own == nil || own.Blocked {
				continue
			}
			sum.Prefixes--
			var want Finding
			for j := range jurisdictions {
				one, ok := findingOf(t, &sale, own, parents, cards, p, j, routing)
				if !ok {
					continue
				}
				in := want.Jurisdictions
				if one.Problem == Losing {
					in |= SetOf(j)
				}
				if (loss{one.Seconds, one.Loss}).before(loss{want.Seconds, want.Loss}) || want.Problem == 0 {
					want = one
				}
				want.Jurisdictions = in
			}
			f, found := got[p]
			if found != (want.Problem != 0) || f.Seconds != want.Seconds || f.Loss != want.Loss || f.Problem != want.Problem || f.Jurisdictions != want.Jurisdictions {
				t.Fatalf("%s: %+v, %v; want %+v", p, f, found, want)
			}
			delete(got, p)
		}
		if len(got) != 0 || sum.Prefixes != 0 {
			t.Fatalf("too much: %+v, %+v", got, sum)
		}
	})
}

func findingOf(t *rapid.T, sale *Side, sold *Row, parents []Side, cards [][]Row, p Prefix, j Jurisdiction, routing Routing) (Finding, bool) {
	var worst *loss
	open := 0
	least := Money(math.MaxInt64)
	for _, card := range cards {
		if r := longestMatch(card, p.String()); r != nil && !r.Blocked {
			open++
			least = min(least, r.Price(j))
		}
	}
	if open == 0 {
		return Finding{Problem: NoRoute}, j == Indeterminate
	}
	for i, card := range cards {
		r := longestMatch(card, p.String())
		if r == nil || r.Blocked || routing == Cheapest && r.Price(j) > least {
			continue
		}
		d := &duel{buy: parents[i].line(r, j), sell: sale.line(sold, j), exchange: Par}
		if found, loses := naive(t, d); loses && (worst == nil || found.before(*worst)) {
			worst = &found
		}
	}
	if worst == nil {
		return Finding{}, false
	}
	return Finding{Problem: Losing, Seconds: worst.seconds, Loss: worst.amount}, true
}

func BenchmarkProof(b *testing.B) {
	const n = 250_000
	euro, _ := ParseExchange("1.0837")
	bought := deck(n, 1)
	up := func(percent Money, i Increment) []Row {
		rows := slices.Clone(bought)
		for k := range rows {
			r := &rows[k]
			r.Increment = i
			r.Cost = r.Cost * (100 + percent) / 100 / 1e6 * 1e6
			r.Inter = Some(r.Inter.value * (100 + percent) / 100 / 1e6 * 1e6)
			r.Intra = Some(r.Intra.value * (100 + percent) / 100 / 1e6 * 1e6)
		}
		return rows
	}
	for _, c := range []struct {
		name     string
		sold     []Row
		rounding Rounding
		exchange Exchange
	}{
		{"12% on top", up(12, Increment{6, 6}), four, Par},
		{"12% on top, of more decimals", up(12, Increment{6, 6}), Rounding{6, HalfUp}, Par},
		{"12% on top, all losing", up(12, Increment{1, 1}), four, Par},
		{"another currency", up(21, Increment{6, 6}), four, euro},
		{"another currency, 60/60", up(21, Increment{60, 60}), four, euro},
		{"sold at cost, of more decimals", up(0, Increment{6, 6}), Rounding{6, Up}, Par},
		{"a thin margin in another currency", up(9, Increment{6, 6}), Rounding{6, Up}, euro},
		{"sold below cost", up(-1, Increment{6, 6}), four, Par},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var sum Summary
			for b.Loop() {
				var err error
				sum, err = Prove(Side{Rows(c.sold), c.rounding, Par}, []Side{{Rows(bought), four, c.exchange}}, Dearest,
					func(Finding) error { return nil })
				if err != nil || sum.Prefixes != n {
					b.Fatal(sum, err)
				}
			}
			b.ReportMetric(float64(sum.Losing), "losing")
		})
	}
}

// Prices have ten decimals and charges have four, and a fee just covers the
// rounding. Nothing is decided before the last second of two hours.
func BenchmarkProofOfTheHardestRow(b *testing.B) {
	four := Rounding{4, HalfUp}
	sold := line{price: 123_456_789, connect: 500_000, Increment: Increment{1, 1}, mode: Down, unit: 1_000_000}
	d := &duel{buy: line{price: 123_456_789, Increment: Increment{1, 1}, mode: four.Mode, unit: 1_000_000}, sell: sold, exchange: Par}
	for b.Loop() {
		if found, loses, err := d.first(); loses || err != nil {
			b.Fatal(found, err)
		}
	}
}
