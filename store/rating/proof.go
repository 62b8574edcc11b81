package rating

import "fmt"

// Routing is how the parent for a call is chosen.
type Routing uint8

const (
	// Dearest means any open parent: a sale must cover the cost of each.
	Dearest Routing = iota + 1
	// Cheapest means the open parent with the lowest price per minute in the
	// jurisdiction, because routing knows no more when a call begins. If
	// several have that price, it may be any of them.
	Cheapest
)

// Problem is the kind of a Finding.
type Problem uint8

// The problems.
const (
	Losing  Problem = iota + 1 // a call costs more than it sells for
	NoRoute                    // open for sale, but no parent is open
)

// Finding is a problem with a prefix.
type Finding struct {
	Prefix  Prefix // a prefix of any of the cards
	Sold    Prefix // the prefix of the row that sells it
	Problem Problem

	// Blocked is for NoRoute: true if a parent blocks the prefix, false if no
	// parent knows it.
	Blocked bool

	// The following fields are for Losing.
	Jurisdictions Jurisdictions // those in which some call loses
	Parent        int           // index of the parent with the greatest loss
	Seconds       uint32        // the shortest losing call in any of them, 1 to 7200; 0: only longer calls lose
	// Loss is the loss of that call, in the currency of the sale, above 0 and
	// rounded up at ten decimals. If Seconds is 0, it is the loss of a minute
	// by the prices per minute alone.
	Loss Money
}

// Summary counts the results of a proof.
type Summary struct {
	Prefixes int // prefixes of all cards that are open for sale
	Losing   int // prefixes that lose in any jurisdiction
	NoRoute  int
}

// Prove checks that a card does not sell below the cost of the parents that its
// calls are bought from. It checks each prefix of any of the cards, each
// jurisdiction, every duration from 1 s to 2 h, and longer ones by the prices
// per minute. It respects the minima, pulses, fees, roundings and currencies of
// both sides. It calls report with every problem in ascending order of
// prefixes. A card without a problem cannot lose on any call of up to 2 h. A
// parent that blocks a prefix does not count for it.
//
// Prove streams the rows and keeps at most 15 rows per card in memory. A row
// takes a few microseconds at most, with one exception. If prices have more
// decimals than charges, and the two charges never differ by more than
// rounding, it checks every second. To stop a proof early, return an error from
// a Source.
//
// It returns ErrNoExchange, ErrInvalid for an unset rounding or routing,
// ErrOverflow with the prefix for charges out of range, the errors of
// Normalise, and those of report.
func Prove(sale Side, parents []Side, routing Routing, report func(Finding) error) (Summary, error) {
	p, err := NewProver(sale, parents, routing, report)
	if err != nil {
		return Summary{}, err
	}
	sources := []Source{sale.Rows}
	for _, parent := range parents {
		sources = append(sources, parent.Rows)
	}
	err = Normalise(sources, nil, func(prefix Prefix, rows []*Row) error {
		return p.Row(prefix, rows[0], rows[1:])
	})
	return p.Summary(), err
}

// Prover is a proof of rows that the caller provides, for example while it
// builds them. It is not safe for concurrent use.
type Prover struct{ prover }

// NewProver prepares a proof. It does not read the Rows of the sides. It
// returns ErrNoExchange, or ErrInvalid for an unset rounding or routing.
func NewProver(sale Side, parents []Side, routing Routing, report func(Finding) error) (*Prover, error) {
	if routing != Dearest && routing != Cheapest {
		return nil, fmt.Errorf("%w: no routing", ErrInvalid)
	}
	for _, side := range append([]Side{sale}, parents...) {
		if err := side.validate(); err != nil {
			return nil, err
		}
	}
	if sale.Exchange != Par {
		return nil, fmt.Errorf("%w: the sale is in its own currency", ErrInvalid)
	}
	return &Prover{prover{sale: sale, parents: parents, routing: routing, report: report}}, nil
}

// Row checks one prefix. sold and bought are the rows that the sides rate it
// by, nil if a side has none; bought is in the order of the parents. Each
// prefix must come once, as from Normalise. Errors are those of Prove.
func (p *Prover) Row(prefix Prefix, sold *Row, bought []*Row) error {
	if err := p.prefix(prefix, sold, bought); err != nil {
		return fmt.Errorf("prefix %s: %w", prefix, err)
	}
	return nil
}

// Summary returns the results so far.
func (p *Prover) Summary() Summary { return p.sum }

type prover struct {
	sale    Side
	parents []Side
	routing Routing
	report  func(Finding) error
	sum     Summary
	open    []int // scratch: the open parents of the current prefix
}

func (p *prover) prefix(prefix Prefix, sold *Row, bought []*Row) error {
	if sold == nil || sold.Blocked {
		return nil
	}
	p.sum.Prefixes++
	finding := Finding{Prefix: prefix, Sold: sold.Prefix}
	p.open = p.open[:0]
	for i, row := range bought {
		switch {
		case row == nil:
		case row.Blocked:
			finding.Blocked = true
		default:
			p.open = append(p.open, i)
		}
	}
	if len(p.open) == 0 {
		p.sum.NoRoute++
		finding.Problem = NoRoute
		return p.report(finding)
	}
	finding.Problem, finding.Blocked = Losing, false
	return p.jurisdictions(finding, sold, bought)
}

func (p *prover) jurisdictions(finding Finding, sold *Row, bought []*Row) error {
	var known outcome
	var worst outcome
	losing := Jurisdictions(0)
	for j := range jurisdictions {
		out := known
		if j == Indeterminate || !plain(sold, bought, j) {
			var err error
			if out, err = p.outcome(sold, bought, j); err != nil {
				return err
			}
		}
		if j == Indeterminate {
			known = out
		}
		if !out.loses {
			continue
		}
		if losing |= SetOf(j); !worst.loses || out.before(worst.loss) {
			worst = out
		}
	}
	if !worst.loses {
		return nil
	}
	p.sum.Losing++
	finding.Jurisdictions, finding.Parent = losing, worst.parent
	finding.Seconds, finding.Loss = worst.seconds, worst.amount
	return p.report(finding)
}

// plain reports whether no row has its own price for the jurisdiction. The
// result for Indeterminate then applies.
func plain(sold *Row, bought []*Row, j Jurisdiction) bool {
	if sold.Price(j) != sold.Cost {
		return false
	}
	for _, row := range bought {
		if row != nil && row.Price(j) != row.Cost {
			return false
		}
	}
	return true
}

type outcome struct {
	loss
	loses  bool
	parent int
}

// outcome returns the shortest losing call over the parents that count, and the
// greatest loss there.
func (p *prover) outcome(sold *Row, bought []*Row, j Jurisdiction) (outcome, error) {
	var worst outcome
	duel := duel{sell: p.sale.line(sold, j)}
	for _, i := range p.open {
		if p.routing == Cheapest && p.cheaper(bought, i, j) {
			continue
		}
		duel.buy, duel.exchange = p.parents[i].line(bought[i], j), p.parents[i].Exchange
		found, loses, err := duel.first()
		if err != nil {
			return worst, err
		}
		if loses && (!worst.loses || found.before(worst.loss)) {
			worst = outcome{found, true, i}
		}
	}
	return worst, nil
}

// before reports whether l is of a shorter call than m, or of the same call
// with a greater loss.
func (l loss) before(m loss) bool {
	if l.seconds == m.seconds {
		return l.amount > m.amount
	}
	return l.seconds != 0 && (m.seconds == 0 || l.seconds < m.seconds)
}

// cheaper reports whether another open parent has a lower price than parent i.
func (p *prover) cheaper(bought []*Row, i int, j Jurisdiction) bool {
	for _, k := range p.open {
		a, b := p.parents[k].Exchange, p.parents[i].Exchange
		other := amount(bought[k].Price(j), a.num, 1).times(b.den)
		own := amount(bought[i].Price(j), b.num, 1).times(a.den)
		if other.n.less(own.n) {
			return true
		}
	}
	return false
}
