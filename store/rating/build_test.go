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

var four = Rounding{4, HalfUp}

// rules prepares rules that a test spells out.
func rules(list ...Rule) Rules {
	rs, err := NewRules(list)
	if err != nil {
		panic(err)
	}
	return rs
}

// on returns a rule with a match, a type and a value.
func on(match string, markup Markup, value string) Rule {
	m, err := ParseMatch(match)
	if err != nil {
		panic(err)
	}
	return Rule{Match: m, Type: markup, Value: money(value)}
}

func blocking(match string) Rule {
	rule := on(match, 0, "0")
	rule.Blocked = true
	return rule
}

func build(t failer, b Build, parents ...[]Row) []Row {
	if b.Exchange == nil {
		b.Exchange = slices.Repeat([]Exchange{Par}, len(parents))
	}
	built, err := run(b, parents...)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func run(b Build, parents ...[]Row) ([]Row, error) {
	builder, err := NewBuilder(b)
	if err != nil {
		return nil, err
	}
	sources := make([]Source, len(parents))
	for i, rows := range parents {
		sources[i] = Rows(rows)
	}
	var built []Row
	err = builder.Run(sources, func(r Row) error {
		built = append(built, r)
		return r.Validate()
	})
	return built, err
}

// costs formats a card as "441=0.0075 442=blocked".
func costs(rows []Row) string {
	text := ""
	for _, r := range rows {
		if text != "" {
			text += " "
		}
		if r.Blocked {
			text += r.Prefix.String() + "=blocked"
			continue
		}
		text += r.Prefix.String() + "=" + r.Cost.String()
	}
	return text
}

func TestPricesOfThreeParentsAreCompacted(t *testing.T) {
	parents := [][]Row{{row("441", "0.01")}, {row("441", "0.0075")}, {row("441", "0.02")}}
	for compact, want := range map[Compact]string{Min: "441=0.0075", Max: "441=0.02", Avg: "441=0.0125"} {
		if got := costs(build(t, Build{Compact: compact, Rounding: four}, parents...)); got != want {
			t.Errorf("%s: %s, want %s", compact, got, want)
		}
	}
}

func TestParentsThatAreBlockedOrAbsentDoNotCount(t *testing.T) {
	a := []Row{row("44", "0.01"), shut("447"), row("49", "0.03")}
	b := []Row{row("441", "0.02"), row("447", "0.04"), shut("50")}
	want := "44=0.01 441=0.015 447=0.04 49=0.03 50=blocked"
	if got := costs(build(t, Build{Compact: Avg, Rounding: four}, a, b)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMinimaPulsesAndFeesAreTheLargestOfTheOpenParents(t *testing.T) {
	a, b, c := row("44", "1"), row("44", "2"), shut("44")
	a.Increment, b.Increment, c.Increment = Increment{30, 6}, Increment{1, 60}, Increment{90, 90}
	a.Connect, b.Connect = money("0.01"), money("0.02")
	got := build(t, Build{Compact: Min, Rounding: four}, []Row{a}, []Row{b}, []Row{c})[0]
	if got.Increment != (Increment{30, 60}) || got.Connect != money("0.02") {
		t.Errorf("%+v", got)
	}
	rule := on("*", Percent, "0")
	rule.MCD, rule.Pulse, rule.Connect = Some(uint32(0)), Some(uint32(1)), Some(Money(0))
	got = build(t, Build{Compact: Min, Rounding: four, Rules: rules(rule)}, []Row{a}, []Row{b}, []Row{c})[0]
	if got.Increment != (Increment{0, 1}) || got.Connect != 0 {
		t.Errorf("by a rule: %+v", got)
	}
}

func TestProfitRules(t *testing.T) {
	card := []Row{row("4", "0.004"), row("49", "0.02"), row("491", "0.03"), shut("7")}
	for name, c := range map[string]struct {
		rules []Rule
		want  string
	}{
		"none":              {nil, "4=0.004 49=0.02 491=0.03 7=blocked"},
		"percent":           {[]Rule{on("*", Percent, "20")}, "4=0.0048 49=0.024 491=0.036 7=blocked"},
		"percent off":       {[]Rule{on("*", Percent, "-100")}, "4=0 49=0 491=0 7=blocked"},
		"relative":          {[]Rule{on("*", Relative, "0.001")}, "4=0.005 49=0.021 491=0.031 7=blocked"},
		"relative off":      {[]Rule{on("*", Relative, "-0.004")}, "4=0 49=0.016 491=0.026 7=blocked"},
		"absolute":          {[]Rule{on("^49", Absolute, "1")}, "4=0.004 49=1 491=1 7=blocked"},
		"that row alone":    {[]Rule{on("49", Absolute, "1")}, "4=0.004 49=1 491=0.03 7=blocked"},
		"the longest wins":  {[]Rule{on("^49", Absolute, "2"), on("*", Absolute, "1")}, "4=1 49=2 491=2 7=blocked"},
		"the later wins":    {[]Rule{on("49", Absolute, "2"), on("^49", Absolute, "3")}, "4=0.004 49=3 491=3 7=blocked"},
		"the later, alone":  {[]Rule{on("^49", Absolute, "3"), on("49", Absolute, "2")}, "4=0.004 49=2 491=3 7=blocked"},
		"a floor":           {[]Rule{on("*", Percent, "20"), on("*", Floor, "0.002")}, "4=0.006 49=0.024 491=0.036 7=blocked"},
		"a floor alone":     {[]Rule{on("^49", Floor, "0.002")}, "4=0.004 49=0.022 491=0.032 7=blocked"},
		"floor to absolute": {[]Rule{on("*", Floor, "0.002"), on("*", Absolute, "0.01")}, "4=0.01 49=0.022 491=0.032 7=blocked"},
		"blocked":           {[]Rule{blocking("^49"), on("491", Percent, "0")}, "4=0.004 49=blocked 491=0.03 7=blocked"},
		"a floor opens not": {[]Rule{blocking("^49"), on("^49", Floor, "1")}, "4=0.004 49=blocked 491=blocked 7=blocked"},
		"below a row":       {[]Rule{blocking("^4915"), on("4915", Absolute, "1")}, "4=0.004 49=0.02 491=0.03 4915=blocked 7=blocked"},
		"below no row":      {[]Rule{blocking("^55")}, "4=0.004 49=0.02 491=0.03 7=blocked"},
		"below a blocked":   {[]Rule{on("^77", Absolute, "1")}, "4=0.004 49=0.02 491=0.03 7=blocked 77=blocked"},
	} {
		got := costs(build(t, Build{Compact: Min, Rounding: four, Rules: rules(c.rules...)}, card))
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestARuleForARowIsNotForWhatARuleAddedThere(t *testing.T) {
	b := Build{Compact: Min, Rounding: four, Rules: rules(on("^4915", Percent, "50"), on("4915", Absolute, "9"))}
	if got := costs(build(t, b, []Row{row("49", "0.02")})); got != "49=0.02 4915=0.03" {
		t.Error(got)
	}
}

func TestRulesApplyToSomeJurisdictions(t *testing.T) {
	with := func(rule Rule, js ...Jurisdiction) Rule { rule.ApplyTo = SetOf(js...); return rule }
	bare, full := row("1212", "0.01"), row("1212", "0.01")
	full.Inter, full.Intra = Some(money("0.02")), Some(money("0.03"))
	for name, c := range map[string]struct {
		row   Row
		rules []Rule
		want  string
	}{
		"none of its own":        {bare, []Rule{on("*", Percent, "100")}, "0.02 none none"},
		"cost alone, none":       {bare, []Rule{with(on("*", Percent, "100"), Indeterminate)}, "0.02 0.01 0.01"},
		"all three":              {full, []Rule{on("*", Percent, "100")}, "0.02 0.04 0.06"},
		"cost alone":             {full, []Rule{with(on("*", Percent, "100"), Indeterminate)}, "0.02 0.02 0.03"},
		"intra alone":            {bare, []Rule{with(on("*", Percent, "100"), Intra)}, "0.01 none 0.02"},
		"a longer for inter":     {full, []Rule{on("*", Percent, "100"), with(on("^12", Absolute, "5"), Inter)}, "0.02 5 0.06"},
		"a floor for inter":      {bare, []Rule{with(on("*", Floor, "1"), Inter)}, "0.01 1.01 none"},
		"its own rounding":       {full, []Rule{on("*", Percent, "0"), coarse(with(on("^1", Percent, "0"), Intra))}, "0.01 0.02 1"},
		"past a blocking prefix": {full, []Rule{blocking("^12"), with(on("1212", Percent, "100"), Inter)}, "0 none none"},
	} {
		got := build(t, Build{Compact: Min, Rounding: four, Rules: rules(c.rules...)}, []Row{c.row})[0]
		text := got.Cost.String()
		for _, o := range []Optional[Money]{got.Inter, got.Intra} {
			if m, ok := o.Get(); ok {
				text += " " + m.String()
			} else {
				text += " none"
			}
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func coarse(rule Rule) Rule { rule.Rounding = Rounding{0, Up}; return rule }

func TestRulesThatAreRefused(t *testing.T) {
	blockedWith := func(change func(*Rule)) Rule { rule := blocking("*"); change(&rule); return rule }
	priced := func(change func(*Rule)) Rule { rule := on("*", Percent, "1"); change(&rule); return rule }
	for name, rule := range map[string]Rule{
		"no match":               {Type: Percent},
		"no type":                on("*", 0, "1"),
		"an unknown type":        on("*", 9, "1"),
		"less than nothing":      on("*", Percent, "-100.1"),
		"a negative price":       on("*", Absolute, "-1"),
		"a negative floor":       on("*", Floor, "-1"),
		"an unknown place":       priced(func(r *Rule) { r.ApplyTo = 8 }),
		"no pulse":               priced(func(r *Rule) { r.Pulse = Some(uint32(0)) }),
		"a negative fee":         priced(func(r *Rule) { r.Connect = Some(Money(-1)) }),
		"no such rounding":       priced(func(r *Rule) { r.Rounding = Rounding{11, Up} }),
		"half a rounding":        priced(func(r *Rule) { r.Rounding = Rounding{Decimals: 2} }),
		"a floor with a pulse":   func() Rule { r := on("*", Floor, "1"); r.Pulse = Some(uint32(1)); return r }(),
		"blocked in part":        blockedWith(func(r *Rule) { r.ApplyTo = SetOf(Inter) }),
		"blocked with a price":   blockedWith(func(r *Rule) { r.Type = Absolute }),
		"blocked with a minimum": blockedWith(func(r *Rule) { r.MCD = Some(uint32(1)) }),
	} {
		if _, err := NewRules([]Rule{rule}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "^", "**", "^*", "4*", "^^4", "+49"} {
		if m, err := ParseMatch(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q is %v, %v", text, m, err)
		}
	}
	for _, text := range []string{"*", "^49", "49"} {
		if m, err := ParseMatch(text); err != nil || m.String() != text {
			t.Errorf("%q is %q, %v", text, m, err)
		}
	}
}

func TestNamesAreReadAndWritten(t *testing.T) {
	for m := Absolute; m <= Floor; m++ {
		if got, err := ParseMarkup(m.String()); err != nil || got != m {
			t.Errorf("%s is %s, %v", m, got, err)
		}
	}
	for c := Min; c <= Avg; c++ {
		if got, err := ParseCompact(c.String()); err != nil || got != c {
			t.Errorf("%s is %s, %v", c, got, err)
		}
	}
	_, err1 := ParseMarkup("")
	_, err2 := ParseCompact("")
	if !errors.Is(err1, ErrInvalid) || !errors.Is(err2, ErrInvalid) {
		t.Errorf("none: %v, %v", err1, err2)
	}
	if names := Markup(9).String() + Compact(9).String() + Mode(9).String() + Jurisdiction(9).String(); names != "" {
		t.Errorf("the unknown is called %q", names)
	}
}

func TestBuildsThatAreRefused(t *testing.T) {
	par := []Exchange{Par}
	huge := Row{prefix("4"), Rate{Cost: math.MaxInt64, Increment: Increment{1, 1}}}
	for name, c := range map[string]struct {
		build Build
		want  error
	}{
		"no parents":        {Build{Compact: Min, Rounding: four}, ErrInvalid},
		"no compact":        {Build{Exchange: par, Rounding: four}, ErrInvalid},
		"no rounding":       {Build{Exchange: par, Compact: Min}, ErrInvalid},
		"no exchange":       {Build{Exchange: []Exchange{{}}, Compact: Min, Rounding: four}, ErrNoExchange},
		"one too many":      {Build{Exchange: []Exchange{Par, Par}, Compact: Min, Rounding: four}, ErrInvalid},
		"below nothing":     {Build{Exchange: par, Compact: Min, Rounding: four, Rules: rules(on("*", Relative, "-922337203.6854775808"))}, ErrNegative},
		"beyond the range":  {Build{Exchange: par, Compact: Min, Rounding: four, Rules: rules(on("*", Percent, "1"))}, ErrOverflow},
		"far beyond":        {Build{Exchange: par, Compact: Min, Rounding: four, Rules: rules(on("*", Percent, "922337203"))}, ErrOverflow},
		"a floor beyond":    {Build{Exchange: par, Compact: Min, Rounding: Rounding{10, Up}, Rules: rules(on("*", Floor, "0.1"))}, ErrOverflow},
		"a sum beyond":      {Build{Exchange: par, Compact: Min, Rounding: Rounding{10, Up}, Rules: rules(on("*", Relative, "0.1"))}, ErrOverflow},
		"rounded too large": {Build{Exchange: par, Compact: Min, Rounding: Rounding{0, Up}}, ErrOverflow},
	} {
		if _, err := run(c.build, []Row{huge}); name != "below nothing" && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := run(c.build, []Row{row("4", "0.001")}); name == "below nothing" && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// drawRules draws rules that match a drawn card in many ways.
func drawRules(t *rapid.T) Rules {
	return rules(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Rule {
		match := rapid.StringMatching(`\*|\^?[079]{1,4}`).Draw(t, "match")
		if rapid.IntRange(0, 5).Draw(t, "blocking") == 0 {
			return blocking(match)
		}
		rule := on(match, Markup(rapid.IntRange(int(Absolute), int(Floor)).Draw(t, "type")), "0")
		rule.Value = Money(rapid.Int64Range(0, 30e10).Draw(t, "value"))
		rule.ApplyTo = Jurisdictions(rapid.Uint8Range(0, 7).Draw(t, "apply to"))
		return rule
	}), 0, 5).Draw(t, "rules")...)
}

func TestBuildingInAnyOrderOfParentsGivesTheSameCard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation([]int{0, 1, 2}).Draw(t, "order")
		b := Build{Compact: Compact(rapid.IntRange(1, 3).Draw(t, "compact")), Rounding: drawRounding(t), Rules: drawRules(t)}
		again := b
		var parents, shuffled [3][]Row
		for i := range parents {
			x, _ := drawExchange(t, "exchange")
			if x.num > 1e9 {
				x = Par
			}
			parents[i], b.Exchange = drawCard(t, fmt.Sprint("parent ", i)), append(b.Exchange, x)
		}
		for i, from := range order {
			shuffled[i], again.Exchange = parents[from], append(again.Exchange, b.Exchange[from])
		}
		if one, two := build(t, b, parents[:]...), build(t, again, shuffled[:]...); !slices.Equal(one, two) {
			t.Fatalf("%v\n%v", one, two)
		}
	})
}

func TestRulesNeverOpenWhatIsBlocked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parents := [][]Row{drawCard(t, "a"), drawCard(t, "b")}
		b := Build{Compact: Max, Rounding: four, Rules: drawRules(t)}
		built := build(t, b, parents...)
		number := rapid.StringMatching(`[0579]{1,6}`).Draw(t, "number")
		open := false
		for _, parent := range parents {
			found := longestMatch(parent, number)
			open = open || found != nil && !found.Blocked
		}
		if got := longestMatch(built, number); got != nil && !got.Blocked && !open {
			t.Fatalf("%s is open by %v", number, *got)
		}
	})
}

func TestBuiltPricesAgreeWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "parents")
		b := Build{Compact: Compact(rapid.IntRange(1, 3).Draw(t, "compact")), Rounding: drawRounding(t)}
		rule := on("*", Markup(rapid.IntRange(int(Absolute), int(Floor)).Draw(t, "type")), "0")
		rule.Value = drawMoney(t, "value")
		b.Rules = rules(rule)
		sources, rats := [][]Row{}, []*big.Rat{}
		for range n {
			x, factor := drawExchange(t, "exchange")
			cost := drawMoney(t, "cost")
			b.Exchange = append(b.Exchange, x)
			sources = append(sources, []Row{{prefix("4"), Rate{Cost: cost, Increment: Increment{1, 1}}}})
			rats = append(rats, factor.Mul(factor, rat(cost)))
		}
		built, err := run(b, sources...)
		var got Money
		if err == nil {
			got = built[0].Cost
		}
		agree(t, got, err, priceRat(b, rule, rats))
	})
}

// priceRat computes the price of a row with math/big.
func priceRat(b Build, rule Rule, costs []*big.Rat) *Money {
	slices.SortFunc(costs, (*big.Rat).Cmp)
	cost := costs[0]
	switch b.Compact {
	case Max:
		cost = costs[len(costs)-1]
	case Avg:
		sum := new(big.Rat)
		for _, c := range costs {
			sum.Add(sum, c)
		}
		cost = sum.Quo(sum, big.NewRat(int64(len(costs)), 1))
	}
	switch rule.Type {
	case Absolute:
		cost = rat(rule.Value)
	case Percent:
		percent := new(big.Rat).Quo(rat(rule.Value), rat(100*Unit))
		cost = new(big.Rat).Mul(cost, percent.Add(percent, big.NewRat(1, 1)))
	default:
		cost = new(big.Rat).Add(cost, rat(rule.Value))
	}
	rounding := b.Rounding
	if rule.Type == Floor {
		rounding.Mode = Up
	}
	return rounded(cost, rounding)
}

// Details of rules that an independent implementation decides alike.
func TestRulesApplyAsDecided(t *testing.T) {
	with := func(rule Rule, js ...Jurisdiction) Rule { rule.ApplyTo = SetOf(js...); return rule }
	terms := func(rule Rule, mcd, pulse uint32) Rule {
		rule.MCD, rule.Pulse = Some(mcd), Some(pulse)
		return rule
	}
	down := Rounding{2, Down}
	fee := row("44", "0.01")
	fee.Connect = money("0.0123456789")
	for name, c := range map[string]struct {
		row   Row
		rules []Rule
		want  string
	}{
		"a floor holds after rounding":              {row("44", "0.012"), []Rule{on("*", Floor, "0.001")}, "0.02 none none 1/1 0"},
		"a floor below the price changes nothing":   {row("44", "0.012"), []Rule{on("*", Percent, "100"), on("*", Floor, "0.001")}, "0.02 none none 1/1 0"},
		"a floor lifts what would be negative":      {row("44", "0.01"), []Rule{on("*", Relative, "-0.05"), on("*", Floor, "0.01")}, "0.02 none none 1/1 0"},
		"a fee is not rounded":                      {fee, nil, "0.01 none none 1/1 0.0123456789"},
		"inter alone rounds inter alone":            {row("44", "0.018"), []Rule{with(coarse(on("*", Percent, "0")), Inter)}, "0.01 1 none 1/1 0"},
		"inter alone does not open":                 {row("44", "0.01"), []Rule{blocking("*"), with(on("44", Percent, "100"), Inter)}, "blocked"},
		"inter alone can set the intervals":         {row("44", "0.01"), []Rule{terms(on("*", Percent, "0"), 60, 60), with(terms(on("44", Percent, "0"), 30, 6), Inter)}, "0.01 0.01 none 30/6 0"},
		"a longer rule without intervals is silent": {row("44", "0.01"), []Rule{terms(on("*", Percent, "0"), 60, 60), on("44", Percent, "100")}, "0.02 none none 60/60 0"},
	} {
		got := build(t, Build{Compact: Min, Rounding: down, Rules: rules(c.rules...)}, []Row{c.row})[0]
		text := "blocked"
		if !got.Blocked {
			text = fmt.Sprintf("%s %s %s %d/%d %s", got.Cost, orNone(got.Inter), orNone(got.Intra), got.MCD, got.Pulse, got.Connect)
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func orNone(o Optional[Money]) string {
	if m, ok := o.Get(); ok {
		return m.String()
	}
	return "none"
}

func BenchmarkBuild(b *testing.B) {
	const n = 250_000
	rows := deck(n, 1)
	rs := rules(on("*", Percent, "12"), on("^149", Percent, "20"), on("^17", Relative, "0.001"))
	for _, parents := range []int{1, 3} {
		b.Run(fmt.Sprintf("250k rows of %d parents", parents), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				builder, err := NewBuilder(Build{Exchange: slices.Repeat([]Exchange{Par}, parents), Compact: Avg, Rules: rs, Rounding: four})
				if err != nil {
					b.Fatal(err)
				}
				sources := make([]Source, parents)
				for i := range sources {
					sources[i] = Rows(rows)
				}
				built := 0
				if err := builder.Run(sources, func(Row) error { built++; return nil }); err != nil || built != n {
					b.Fatal(built, err)
				}
			}
		})
	}
}
