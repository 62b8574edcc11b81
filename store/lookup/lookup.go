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
	"resellerd/store/span"
)

// Call describes the call of a look-up: a number and a duration.
type Call struct {
	Number       string // digits only
	Seconds      int    // whole seconds
	Jurisdiction string // indeterminate, inter or intra
	number       rating.Prefix
	jurisdiction rating.Jurisdiction
}

const (
	maxNumber      = 32 // digits
	maxCallSeconds = 86_400
)

// NewCall checks a call. number has 1 to 32 digits and may begin with +. seconds
// is 0 to 86,400. jurisdiction is indeterminate, inter or intra; "" means
// indeterminate. It returns an ErrInvalid that names the invalid field. The error
// never contains the number, which is personal data.
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

// Cards holds a viewer's cards, ready for look-ups. It is for one answer and not
// safe for concurrent use.
type Cards struct {
	finder  *Finder
	visible *visibleCards
	sources []rateSource
	found   []CardRate
}

// Sources holds everything that look-ups read from.
type Sources struct {
	Dialect dialect.Dialect
	Pool    *dialect.StatementPool
	Query   *query.Reader
	Cache   *history.Cache
	Tracker *history.Tracker
	Now     func() time.Time
	// Page calls fn with what answers one statement. It may call fn twice.
	Page func(ctx context.Context, fn func(dialect.Execer) error) error
	// Snapshot calls fn with a consistent snapshot of the data for all its
	// statements. It first reads the history of that snapshot into at. It may call fn twice.
	Snapshot func(ctx context.Context, at *history.Observation, fn func(dialect.Execer) error) error
	// Build returns how a revision was built and the revisions it was built from.
	// It returns no revisions if the revision was not built.
	Build func(ctx context.Context, revision string) (rating.Build, []string, error)
}

// Finder looks up numbers on the cards that viewers see. It is safe for concurrent
// use.
type Finder struct {
	Sources
	memory  *rateMemory
	longest string // the statement for revisions that are not in memory
}

// New returns a finder that caches at most budget bytes; with 0 or less it caches
// nothing. Call Close when it is no longer needed.
func New(from Sources, budget int64) *Finder {
	f := &Finder{Sources: from, longest: selectLongest(from.Dialect)}
	f.memory = newRateMemory(budget, from.Now, f.loadRates)
	return f
}

// Close stops reading ahead and waits until it has stopped.
func (f *Finder) Close() { f.memory.close() }

// Forget drops the whole cache. losses is how often the history of the data has
// been lost so far.
func (f *Finder) Forget(losses int64) { f.memory.forget(losses) }

// Stats returns the state of the cache.
func (f *Finder) Stats() MemoryStats { return f.memory.stats() }

// Wait returns when no revision is waiting to be read into the cache. If ctx ends
// first, it returns the error of ctx.
func (f *Finder) Wait(ctx context.Context) error { return f.memory.wait(ctx) }

// Find returns the cards that the viewer sees with their rates. It returns
// ErrInvalid for a query that cannot be answered, and ErrUnavailable.
func (f *Finder) Find(ctx context.Context, q Query) (*Cards, error) {
	seen, err := f.visible(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("look-up: %w", err)
	}
	held := seen.wanted
	if seen.past {
		held = slices.Clone(held)
		for i := range held {
			if held[i].key == "" {
				held[i].revision = ""
			}
		}
	}
	return &Cards{finder: f, visible: seen, sources: f.memory.sources(held), found: make([]CardRate, len(seen.cards))}, nil
}

// Views returns the number of cards per view.
func (l *Cards) Views() map[string]int { return l.visible.views }

// Rated is the result of a look-up.
type Rated struct {
	Call     Call
	Cards    []CardRate // every card, sorted by id; valid until the next Rate
	Cheapest []CardRate // the cheapest card to buy from in each currency, sorted by currency
}

// CardRate is the rate of a call on one card.
type CardRate struct {
	card   *visibleCard
	found  bool
	row    raterows.Row
	charge rating.Optional[rating.Money]
	least  rating.Money // the viewer's gain if it buys from its dearest parent
	most   rating.Money // the same for its cheapest parent
	earns  bool
}

// Rate looks up the call's number on every card. It takes revisions from the cache
// and reads all others with one statement. The source affects only the time.
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

// read finds the rows of the revisions that are not in the cache.
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

// selectLongest returns a statement that finds, in each revision of a list, the row of
// the longest of 15 prefixes. It tries them from the longest to the shortest. An IN with
// an order would let PostgreSQL read the revision backwards, past all its prefixes.
func selectLongest(d dialect.Dialect) string {
	tries := make([]string, rating.MaxDigits)
	for i := range tries {
		tries[i] = "(SELECT s.prefix FROM rates s WHERE s.revision_id = v.value AND s.prefix = " + d.Placeholder(i+2) + ")"
	}
	return "SELECT v.value, " + raterows.Columns("r.") + " FROM " + d.Texts(d.Placeholder(1)) +
		" JOIN rates r ON r.revision_id = v.value AND r.prefix = COALESCE(" + strings.Join(tries, ", ") + ")"
}

// findRates reads the row of the longest prefix in each revision. The result lacks
// a revision without such a row.
func (f *Finder) findRates(ctx context.Context, number rating.Prefix, revisions []string) (map[string]raterows.Row, error) {
	list, err := json.Marshal(revisions)
	if err != nil {
		return nil, err
	}
	digits := number.String()
	args := []any{string(list)}
	for n := rating.MaxDigits; n > 0; n-- {
		args = append(args, digits[:min(n, len(digits))])
	}
	var found map[string]raterows.Row
	err = f.Page(ctx, func(x dialect.Execer) error {
		found, err = f.longestRows(ctx, x, args)
		return err
	})
	return found, err
}

// longestRows reads the rows of the statement for the longest prefixes, by revision.
func (f *Finder) longestRows(ctx context.Context, x dialect.Execer, args []any) (map[string]raterows.Row, error) {
	defer span.Begin(ctx, "query").End()
	rows, err := x.QueryContext(ctx, f.longest, args...)
	if err != nil {
		return nil, rowsError(ctx, f.Dialect, "rate", err)
	}
	defer rows.Close()
	found := map[string]raterows.Row{}
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

// open reports whether the viewer may see that the card accepts the call.
func (r *CardRate) open() bool {
	return r.found && !r.row.Blocked && r.card.shows.all(rateBits["status"])
}

// price computes the charge of the call, if the viewer sees every column that the
// charge depends on. It leaves out an amount that is out of range.
func (r *CardRate) price(call Call) {
	if !r.open() || !r.card.shows.all(showsCharge) || r.card.charge.Mode == 0 {
		return
	}
	charge, err := r.row.Charge(call.jurisdiction, uint32(call.Seconds), r.card.charge)
	if err == nil {
		r.charge = rating.Some(charge)
	}
}

// earn computes the range of the gain on a customer card of the viewer's own
// account: its charge less the cost at each parent that is open for the call. It
// leaves the range out if the viewer no longer sees one of the parents, because
// its cost is then unknown.
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

// cheapest returns, for each currency, the cheapest card that the viewer can buy
// from.
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

// rowsError wraps an error of reading rows of a type.
func rowsError(ctx context.Context, d dialect.Dialect, typ string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", typ, d.TranslateIn(ctx, err))
}
