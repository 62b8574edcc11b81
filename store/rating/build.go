package rating

import "fmt"

// Compact is how the prices of several parents become one.
type Compact uint8

// The ways to compact. A parent that blocks a prefix, or does not know it, does not count.
const (
	Min Compact = iota + 1
	Max
	Avg
)

var compactNames = [...]string{"", "min", "max", "avg"}

// ParseCompact reads min, max or avg. It returns ErrInvalid for any other text.
func ParseCompact(text string) (Compact, error) {
	for c := Min; c <= Avg; c++ {
		if compactNames[c] == text {
			return c, nil
		}
	}
	return 0, fmt.Errorf("%w: compact is not one of min, max, avg", ErrInvalid)
}

// String returns the name, or "" for the zero value.
func (c Compact) String() string {
	if c > Avg {
		return ""
	}
	return compactNames[c]
}

// join combines fractions with the same denominator into one.
func (c Compact) join(prices []exact) exact {
	joined := prices[0]
	for _, price := range prices[1:] {
		switch {
		case c == Avg:
			joined = joined.plus(price)
		case c == Min && price.n.less(joined.n), c == Max && joined.n.less(price.n):
			joined = price
		}
	}
	if c == Avg {
		joined = joined.by(uint64(len(prices)))
	}
	return joined
}

// Build describes how to make a card from parents.
type Build struct {
	Exchange []Exchange // from each parent's currency to the card's; Par for the same
	Compact  Compact
	Rules    Rules
	Rounding Rounding // rounding of prices
}

// Builder is a prepared Build. It is not safe for concurrent use.
type Builder struct {
	build   Build
	factors []uint64 // bring the parents' exchange rates to one denominator
	den     uint64

	open   []int // scratch: the open parents of the current row
	prices []exact
}

// NewBuilder returns ErrNoExchange for a missing exchange rate. It returns ErrInvalid if there
// are no parents, or if Compact or Rounding is unset.
func NewBuilder(b Build) (*Builder, error) {
	if len(b.Exchange) == 0 {
		return nil, fmt.Errorf("%w: no parents", ErrInvalid)
	}
	if b.Compact < Min || b.Compact > Avg {
		return nil, fmt.Errorf("%w: no way to compact", ErrInvalid)
	}
	if _, err := b.Rounding.unit(); err != nil {
		return nil, err
	}
	made := &Builder{build: b, den: 1}
	for _, x := range b.Exchange {
		if x.den == 0 {
			return nil, ErrNoExchange
		}
		made.den = max(made.den, x.den)
	}
	for _, x := range b.Exchange {
		made.factors = append(made.factors, made.den/x.den)
	}
	return made, nil
}

// Run builds a card from the parents' rows, given in the order of Exchange. It calls emit with
// the rows of the card in ascending order of their prefixes. The card has every prefix of a
// parent, and the prefixes of ^ rules below one of them. Run keeps at most 15 rows per parent in
// memory. It returns the errors of Normalise, those of Row with the prefix, and those of emit.
func (b *Builder) Run(parents []Source, emit func(Row) error) error {
	if len(parents) != len(b.build.Exchange) {
		return fmt.Errorf("%w: %d parents for %d exchange rates", ErrInvalid, len(parents), len(b.build.Exchange))
	}
	return Normalise(parents, b.build.Rules.below, func(p Prefix, rows []*Row) error {
		rate, err := b.Row(p, rows)
		if err != nil {
			return fmt.Errorf("prefix %s: %w", p, err)
		}
		return emit(Row{Prefix: p, Rate: rate})
	})
}

// Row makes the rate of one prefix. parents holds the valid row that each parent rates the prefix
// by, in the order of Exchange; nil if the parent has none.
//
// The rate is blocked if no parent is open or a rule blocks it; a rule never opens a rate. Inter
// and Intra are unset if no open parent sets them and the same rules apply as for Cost. Row
// returns ErrNegative if a rule subtracts more than the price, and ErrOverflow.
func (b *Builder) Row(p Prefix, parents []*Row) (Rate, error) {
	b.open = b.open[:0]
	held := false
	for i, row := range parents {
		if row == nil {
			continue
		}
		held = held || row.Prefix == p
		if !row.Blocked {
			b.open = append(b.open, i)
		}
	}
	if len(b.open) == 0 {
		return blocked, nil
	}
	v := b.build.Rules.of(p, held)
	if v.status != nil && v.status.Blocked {
		return blocked, nil
	}
	return b.priced(parents, &v)
}

func (b *Builder) priced(parents []*Row, v *verdict) (Rate, error) {
	var rate Rate
	var inter, intra bool
	for _, i := range b.open {
		rate.MCD = max(rate.MCD, parents[i].MCD)
		rate.Pulse = max(rate.Pulse, parents[i].Pulse)
		inter = inter || parents[i].Inter.set
		intra = intra || parents[i].Intra.set
	}
	var err error
	if rate.Cost, err = b.price(parents, v, Indeterminate); err != nil {
		return Rate{}, err
	}
	if inter || !v.alike(Inter) {
		rate.Inter.set = true
		if rate.Inter.value, err = b.price(parents, v, Inter); err != nil {
			return Rate{}, err
		}
	}
	if intra || !v.alike(Intra) {
		rate.Intra.set = true
		if rate.Intra.value, err = b.price(parents, v, Intra); err != nil {
			return Rate{}, err
		}
	}
	if rate.Connect, err = b.connect(parents); err != nil {
		return Rate{}, err
	}
	if v.terms != nil {
		rate.MCD, rate.Pulse, rate.Connect = v.terms.MCD.Or(rate.MCD), v.terms.Pulse.Or(rate.Pulse), v.terms.Connect.Or(rate.Connect)
	}
	return rate, nil
}

// price returns the price in a jurisdiction: compacted, marked up and rounded. A floor holds after
// the rounding, and lifts a price that would be negative.
func (b *Builder) price(parents []*Row, v *verdict, j Jurisdiction) (Money, error) {
	b.prices = b.prices[:0]
	for _, i := range b.open {
		b.prices = append(b.prices, b.converted(parents[i].Price(j), i))
	}
	cost := b.build.Compact.join(b.prices)
	price, rounding := cost, b.build.Rounding
	if rule := v.price[j]; rule != nil {
		marked, ok := rule.mark(cost)
		switch {
		case ok:
			price = marked
		case v.floor[j] == nil:
			return 0, ErrNegative
		default:
			price = amount(0, 1, 1)
		}
		rounding = rule.rounding(rounding)
	}
	got, err := price.round(rounding)
	if err != nil || v.floor[j] == nil {
		return got, err
	}
	least, _ := cost.shift(v.floor[j].Value) // the sum is at least 0
	rounding.Mode = Up
	floor, err := least.round(rounding)
	return max(got, floor), err
}

func (b *Builder) converted(m Money, parent int) exact {
	e := amount(m, b.build.Exchange[parent].num, b.den)
	if factor := b.factors[parent]; factor != 1 {
		e = e.times(factor)
	}
	return e
}

// connect returns the largest fee of the parents, in the currency of the card. Only the decimals
// that an amount does not have are rounded.
func (b *Builder) connect(parents []*Row) (Money, error) {
	b.prices = b.prices[:0]
	for _, i := range b.open {
		b.prices = append(b.prices, b.converted(parents[i].Connect, i))
	}
	return Max.join(b.prices).round(Rounding{Decimals: Decimals, Mode: b.build.Rounding.Mode})
}

func (r *Rule) rounding(card Rounding) Rounding {
	if r.Rounding == (Rounding{}) {
		return card
	}
	return r.Rounding
}

// mark applies the rule to a cost and reports whether the result is at least 0.
func (r *Rule) mark(cost exact) (exact, bool) {
	switch r.Type {
	case Absolute:
		return amount(r.Value, 1, 1), true
	case Relative:
		return cost.shift(r.Value)
	default:
		const whole = 100 * uint64(Unit)
		return cost.times(whole + uint64(r.Value)).by(whole), true
	}
}
