package lookup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/query"
	"resellerd/store/raterows"
	"resellerd/store/rating"
)

// Call is what a look-up is for: a number, and how long it is talked to.
type Call struct {
	Number       string // digits alone
	Seconds      int    // whole seconds
	Jurisdiction string // indeterminate, inter or intra
	number       rating.Prefix
	jurisdiction rating.Jurisdiction
}

const (
	maxNumber      = 32 // digits
	maxCallSeconds = 86_400
)

// NewCall reads a call: a number of 1 to 32 digits, which may begin with +, 0
// to 86,400 seconds, and one of indeterminate, inter, intra or "" for the
// first. It returns an ErrInvalid that names the field at fault, and never the
// number, which is somebody's.
func NewCall(number string, seconds int, jurisdiction string) (Call, error) {
	digits, c := strings.TrimPrefix(number, "+"), Call{Seconds: seconds}
	var err error
	if c.number, err = rating.ParseNumber(digits); err != nil || len(digits) > maxNumber {
		return Call{}, fault.Invalid("number", "must have 1 to 32 digits, with or without +")
	}
	if seconds < 0 || seconds > maxCallSeconds {
		return Call{}, fault.Invalid("seconds", "must be between 0 and 86400")
	}
	if c.jurisdiction, err = rating.ParseJurisdiction(jurisdiction); err != nil {
		return Call{}, fault.Invalid("jurisdiction", "must be indeterminate, inter or intra")
	}
	c.Number, c.Jurisdiction = digits, c.jurisdiction.String()
	return c, nil
}

// Cards is a viewer's cards, ready for numbers to be looked up on. It is used
// by one goroutine and belongs to one answer.
type Cards struct {
	finder  *Finder
	visible *visibleCards
	sources []rateSource
	found   []CardRate
}

// Sources is what look-ups read from.
type Sources struct {
	Dialect dialect.Dialect
	Pool    *dialect.StatementPool
	Query   *query.Reader
	Cache   *history.Cache
	Tracker *history.Tracker
	Now     func() time.Time
	// Snapshot has all statements of fn read the data of one moment, and reads the
	// history of that moment first.
	Snapshot func(ctx context.Context, at *history.Observation, fn func(dialect.Execer) error) error
	// Build is how a revision was built, and the revisions that it was built from;
	// none where it was not built.
	Build func(ctx context.Context, revision string) (rating.Build, []string, error)
}

// Finder looks numbers up on the cards that viewers see. It is safe for
// concurrent use.
type Finder struct {
	Sources
	memory  *rateMemory
	longest string // the statement of a look-up past the memory
}

// New makes a finder that keeps at most budget bytes; with less than 0 it
// keeps nothing. Close ends it.
func New(from Sources, budget int64) *Finder {
	f := &Finder{Sources: from, longest: selectLongest(from.Dialect)}
	f.memory = newRateMemory(budget, from.Now, f.loadRates)
	return f
}

// Close ends what is being read ahead, and waits for it.
func (f *Finder) Close() { f.memory.close() }

// Forget drops everything that is kept: the history of the data has been lost so
// many times.
func (f *Finder) Forget(losses int64) { f.memory.forget(losses) }

// Stats tells how the memory stands.
func (f *Finder) Stats() MemoryStats { return f.memory.stats() }

// Wait returns when nothing is left to be read into the memory, or ctx's error.
func (f *Finder) Wait(ctx context.Context) error { return f.memory.wait(ctx) }

// Find finds the cards that the viewer sees, and whose rates it sees. It
// returns ErrInvalid for a query that cannot be answered, and ErrUnavailable.
func (f *Finder) Find(ctx context.Context, q Query) (*Cards, error) {
	seen, err := f.visible(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("look-up: %w", err)
	}
	return &Cards{finder: f, visible: seen, sources: f.memory.sources(seen.wanted), found: make([]CardRate, len(seen.cards))}, nil
}

// Views counts the cards by the view that they are seen in.
func (l *Cards) Views() map[string]int { return l.visible.views }

// Rated is what a call costs and sells for.
type Rated struct {
	Call     Call
	Cards    []CardRate // every card, in the order of their ids; until the next call
	Cheapest []CardRate // of those that the viewer buys by, one of each currency, in the order of currencies
}

// CardRate is how one card rates a call.
type CardRate struct {
	card   *visibleCard
	found  bool
	row    raterows.Row
	charge rating.Optional[rating.Money]
	least  rating.Money // what the viewer earns by its dearest parent
	most   rating.Money // and by its cheapest
	earns  bool
}

// Rate looks the call's number up on every card: from memory, and in one
// statement on those cards that are not there. Which of the two it was shows
// in nothing but the time.
func (l *Cards) Rate(ctx context.Context, call Call) (Rated, error) {
	var missing []string
	for i, card := range l.visible.cards {
		l.found[i] = CardRate{card: card}
		at := &l.found[i]
		switch {
		case l.sources[i] != nil:
			var err error
			if at.row, at.found, err = l.sources[i].find(call.number); err != nil {
				return Rated{}, fmt.Errorf("look-up: %w", err)
			}
		case l.visible.wanted[i].revision != "":
			missing = append(missing, l.visible.wanted[i].revision)
		}
	}
	if len(missing) > 0 {
		if err := l.read(ctx, call, missing); err != nil {
			return Rated{}, fmt.Errorf("look-up: %w", err)
		}
	}
	for i := range l.found {
		l.found[i].price(call)
	}
	for i := range l.found {
		l.found[i].earn(l.found)
	}
	return Rated{Call: call, Cards: l.found, Cheapest: cheapest(l.found)}, nil
}

// read finds the rows of revisions that are not in memory.
func (l *Cards) read(ctx context.Context, call Call, revisions []string) error {
	rows, err := l.finder.findRates(ctx, call.number, revisions)
	if err != nil {
		return err
	}
	for i := range l.found {
		if at := &l.found[i]; l.sources[i] == nil {
			at.row, at.found = rows[l.visible.wanted[i].revision], false
			at.found = at.row.Prefix != 0
		}
	}
	return nil
}

// selectLongest finds, in each of a list of revisions, the row of the longest
// of 15 prefixes. The longest is the last one, for each begins the next.
func selectLongest(d dialect.Dialect) string {
	marks := make([]string, rating.MaxDigits)
	for i := range marks {
		marks[i] = d.Placeholder(i + 2)
	}
	return "SELECT v.value, " + raterows.Columns("r.") + " FROM " + d.Texts(d.Placeholder(1)) + ` JOIN rates r ON r.revision_id = v.value AND r.prefix = (
		SELECT s.prefix FROM rates s WHERE s.revision_id = v.value AND s.prefix IN (` + strings.Join(marks, ", ") + `)
		ORDER BY s.prefix DESC LIMIT 1)`
}

// findRates asks the database for the row of the longest prefix of each
// revision; a revision without one is absent.
func (f *Finder) findRates(ctx context.Context, number rating.Prefix, revisions []string) (map[string]raterows.Row, error) {
	list, err := json.Marshal(revisions)
	if err != nil {
		return nil, err
	}
	digits := number.String()
	args := []any{string(list)}
	for i := range rating.MaxDigits {
		args = append(args, digits[:min(i+1, len(digits))])
	}
	rows, err := f.Pool.QueryContext(ctx, f.longest, args...)
	if err != nil {
		return nil, rowsError(ctx, f.Dialect, "rate", err)
	}
	defer rows.Close()
	found := make(map[string]raterows.Row, len(revisions))
	var revision string
	scan := raterows.NewScanner(&revision)
	for rows.Next() {
		rate, err := scan.Row(rows)
		if err != nil {
			return nil, rowsError(ctx, f.Dialect, "rate", err)
		}
		found[revision] = rate
	}
	if err = rows.Err(); err == nil {
		err = ctx.Err()
	}
	return found, rowsError(ctx, f.Dialect, "rate", err)
}

// open reports whether the viewer sees that a call goes there.
func (r *CardRate) open() bool {
	return r.found && !r.row.Blocked && r.card.shows.all(rateBits["status"])
}

// price works out what the call is charged, where all that it rests on is
// shown. An amount out of range is none.
func (r *CardRate) price(call Call) {
	if !r.open() || !r.card.shows.all(showsCharge) || r.card.charge.Mode == 0 {
		return
	}
	charge, err := r.row.Charge(call.jurisdiction, uint32(call.Seconds), r.card.charge)
	if err == nil {
		r.charge = rating.Some(charge)
	}
}

// earn works out what an own card sells for over what its parents cost, those
// of them that are open for the call. It is not said where a parent is not
// seen any more: what it costs is then not known.
func (r *CardRate) earn(all []CardRate) {
	price, priced := r.charge.Get()
	if !priced || !r.card.built || !r.card.whole {
		return
	}
	for _, p := range r.card.parents {
		parent := &all[p.at]
		if parent.found && parent.row.Blocked || !parent.found {
			continue
		}
		cost, known := parent.charge.Get()
		cost, err := p.exchange.Convert(cost, rating.Rounding{Decimals: rating.Decimals, Mode: rating.Up})
		if !known || err != nil {
			r.earns = false
			return
		}
		gain := price - cost // both are 0 or more
		if !r.earns {
			r.least, r.most, r.earns = gain, gain, true
		}
		r.least, r.most = min(r.least, gain), max(r.most, gain)
	}
}

// cheapest picks, for each currency, the card that the viewer would buy by.
func cheapest(all []CardRate) []CardRate {
	var best []CardRate
	for _, r := range all {
		charge, ok := r.charge.Get()
		if !ok || r.card.Role != roleCost || r.card.currency == "" || r.card.id == "" {
			continue
		}
		at, known := slices.BinarySearchFunc(best, r.card.currency, func(b CardRate, currency string) int {
			return strings.Compare(b.card.currency, currency)
		})
		if !known {
			best = slices.Insert(best, at, r)
		} else if least, _ := best[at].charge.Get(); charge < least {
			best[at] = r
		}
	}
	return best
}

// rowsError is the error of reading rows of a type.
func rowsError(ctx context.Context, d dialect.Dialect, typ string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", typ, d.TranslateIn(ctx, err))
}
