package rating

import "fmt"

// Routing is which parent a call is bought from.
type Routing uint8

const (
	// Dearest is any open parent: a sale must stand against each.
	Dearest Routing = iota + 1
	// Cheapest is the open parent with the least price of a minute in the
	// jurisdiction, for routing knows no more when a call begins; of several
	// alike, any.
	Cheapest
)

// Problem is what a Finding is about.
type Problem uint8

// The problems.
const (
	Losing  Problem = iota + 1 // a call costs more than it sells for
	NoRoute                    // open for sale, and no parent is open
)

// Finding is a problem with a prefix.
type Finding struct {
	Prefix  Prefix // of the union of both sides' prefixes
	Sold    Prefix // the prefix of the row that it sells by
	Problem Problem

	// Of a NoRoute: whether a parent blocks it; else none knows it.
	Blocked bool

	// Of a Losing, one Finding for each jurisdiction.
	Jurisdiction Jurisdiction
	Parent       int    // the one with the greatest loss there, from 0
	Seconds      uint32 // the shortest losing call, 1 to 7200; 0: longer ones only
	// Loss is what that call loses, in the currency of the sale, above 0,
	// rounded up at ten decimals. Where Seconds is 0 it is what a minute
	// loses by the prices per minute alone.
	Loss Money
}

// Summary counts what a proof saw.
type Summary struct {
	Prefixes int // of the union, those open for sale
	Losing   int // prefixes, in whichever jurisdiction
	NoRoute  int
}

// Prove holds a card against the parents its calls are bought from: each prefix
// that either side knows, each jurisdiction, every duration from 1 s to 2 h and
// beyond by the prices per minute, with minima, pulses, fees, roundings and
// currencies of both sides. It calls report with every problem in ascending
// order of prefixes; a card without one can lose on no call of up to 2 h. A
// parent that is blocked for a prefix does not count.
//
// Rows stream; memory is 15 rows a card. A row takes some microseconds at most
// but where prices have more decimals than charges, and bought and sold never
// part by more than roundings do: then each second is looked at. An error of a
// Source is what stops a proof that nobody waits for.
//
// It returns ErrNoExchange, ErrInvalid for an unset rounding or routing,
// ErrOverflow with the prefix for charges out of range, the errors of
// Normalise, and report's own.
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

// Prover is a proof of rows that its caller brings, for one that is made while
// they are worked out. One goroutine uses it at a time.
type Prover struct{ prover }

// NewProver makes a proof ready; the Rows of the sides are not read. It returns
// ErrNoExchange, or ErrInvalid for an unset rounding or routing.
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

// Row proves a prefix by the rows that both sides rate it by, nil where one
// knows none, the parents in the order of their sides. Prefixes come once each,
// as Normalise gives them. Errors are those of Prove.
func (p *Prover) Row(prefix Prefix, sold *Row, bought []*Row) error {
	if err := p.prefix(prefix, sold, bought); err != nil {
		return fmt.Errorf("prefix %s: %w", prefix, err)
	}
	return nil
}

// Summary is what was seen until now.
func (p *Prover) Summary() Summary { return p.sum }

type prover struct {
	sale    Side
	parents []Side
	routing Routing
	report  func(Finding) error
	sum     Summary
	open    []int // the parents that are open, during a prefix
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
	losing := false
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
		losing = true
		finding.Jurisdiction, finding.Parent = j, out.parent
		finding.Seconds, finding.Loss = out.seconds, out.amount
		if err := p.report(finding); err != nil {
			return err
		}
	}
	if losing {
		p.sum.Losing++
	}
	return nil
}

// plain says that no row has a price of its own for the jurisdiction, so that
// what is found for the indeterminate holds.
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

// outcome is the shortest losing call over the parents that count, and the
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

// before says that l is of a shorter call than m, or of the same and greater.
func (l loss) before(m loss) bool {
	if l.seconds == m.seconds {
		return l.amount > m.amount
	}
	return l.seconds != 0 && (m.seconds == 0 || l.seconds < m.seconds)
}

// cheaper says that another open parent has a lower price than the parent i.
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
