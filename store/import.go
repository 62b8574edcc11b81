package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/spill"
)

// Import describes an import of rates into a card.
type Import struct {
	Card    string
	Base    string // the active revision that the import amends: rates that it does not give stay; "" to replace all rates
	Preview bool   // only count the changes
	On      string // what Read depends on besides the card

	Known    []string           // other cards to compare with; those whose rates may not be read are left out
	Compare  func(Compared)     // takes known prices for the sampled rates; nil if that is not wanted
	RowTimes int64              // a price that rises or falls by more is doubtful; 0 for no limit
	Confirm  map[PriceMove]bool // prefixes with new prices that are not doubtful
	Opens    map[string]bool    // blocked prefixes that the import may open without saying so

	// Refuse takes the rates that the card cannot take, by the lines that give them. The import goes on without
	// them, until Refuse returns an error. If it is nil, they are an error.
	Refuse func(line uint32, column, reason string) error

	// Compared takes the revision that the import is compared with, "" for none; nil if that is
	// not wanted.
	Compared *string
	// Read adds the rates of the import. It runs outside of the transaction if
	// WriteLong or ReadLong runs it, and again if the card changes meanwhile. card and
	// now are those of the transaction.
	Read func(ctx context.Context, card Card, now time.Time, to *Importer) error
}

// Imported is an imported draft, and its differences from the rates in force before
// it.
type Imported struct {
	Revision Revision
	At       schema.Micros // the moment from which it is to be in force; 0 for now
	Changes  *DiffSum      // nil if the card's rates may not be read
	Longer   []Longer      // the first changed prefixes with longer ones that keep their rates
	Longers  int64         // how many there are

	Rises, Falls []PriceMove // the largest
	Doubtful     []PriceMove // the first beyond Import.RowTimes
	Doubts       int64       // how many there are

	Opened []Opened // the first that Import.Opens does not have
	Opens  int64    // how many there are

	// Overlaps are prefixes of an amendment that another one gives too. Replacements are
	// scheduled, and the amendment could not be rebased on them. Both are those of the whole
	// import, in its first draft.
	Overlaps     []Overlap
	Replacements []Revision

	open     []Longer  // changed prefixes that the current prefix begins with
	covering [][]any   // rates before the import whose prefixes the current one begins with
	above    [][]any   // those after it
	opening  hash.Hash // of the prefixes that are opened; nil for none
	given    []byte    // what an amendment gives, as it is stored
	givens   int       // for how many prefixes
}

// Longer counts the longer prefixes that an amendment leaves as they are.
type Longer struct {
	Prefix string
	Kept   int64
}

// maxLonger limits Imported.Longer.
const maxLonger = 100

// Import writes the rates of an import into new drafts of a card of the tenant. One
// draft holds the rates that are in force now. For each later moment, another draft
// holds all rates that are in force then. Import returns them in the order of their
// moments, each compared with the rates in force before it. A preview writes nothing.
// A writer who may not read the card's rates can still replace them at one moment. Then
// nothing is compared.
//
// It returns ErrNotFound if the card is absent, and ErrRatesHidden for an amendment
// of rates that may not be read, or a replacement of them at several moments. It returns ErrConflict, with ReasonBaseChanged, if
// the base is not the card's active revision, and ErrInvalid for a malformed rate or
// a prefix that is given twice.
func (tx *Tx) Import(ctx context.Context, rates RateAccess, what Import) ([]Imported, error) {
	card, err := tx.Card(ctx, what.Card)
	if err != nil {
		return nil, err
	}
	hidden := rates.Reads(ctx, card.ID)
	if hidden != nil && (what.Base != "" || !errors.Is(hidden, ErrRatesHidden)) {
		return nil, hidden
	}
	active, err := tx.activeRevision(ctx, card.ID)
	if err == nil && what.Base != "" && what.Base != active.ID {
		active, err = tx.scheduledBase(ctx, card.ID, what.Base)
	}
	if err != nil {
		return nil, fmt.Errorf("card %s: %w", card.ID, err)
	}
	if what.Compared != nil {
		if *what.Compared = active.ID; hidden != nil {
			*what.Compared = ""
		}
	}
	known, err := tx.knownRevisions(ctx, rates, &what)
	if err != nil {
		return nil, fmt.Errorf("card %s: %w", card.ID, err)
	}
	i := &Importer{known: known, what: what, card: card, base: active, hidden: hidden, now: tx.now}
	drafts, err := longWork(ctx, tx, dialect.Importing, "the import", fmt.Sprintf("%s %s %v %s %s", active.ID, terms(&card), hidden != nil, known, what.On), i.run)
	if err != nil {
		return nil, err
	}
	if drafts = slices.Clone(drafts); what.Base != "" && len(drafts) > 0 {
		if drafts[0].Overlaps, drafts[0].Replacements, err = tx.overlaps(ctx, card.ID, what.Base, drafts); err != nil {
			return nil, fmt.Errorf("card %s: %w", card.ID, err)
		}
	}
	if what.Preview {
		return drafts, nil
	}
	return tx.takeImported(ctx, card.ID, drafts)
}

// scheduledBase returns the scheduled revision that an amendment is based on.
func (tx *Tx) scheduledBase(ctx context.Context, card, base string) (Revision, error) {
	r, err := tx.Revision(ctx, card, base)
	if errors.Is(err, fault.ErrNotFound) || err == nil && r.Status != RevisionScheduled {
		err = refused(ReasonBaseChanged, "base", "is neither the active revision nor a scheduled one")
	}
	return r, err
}

// takeImported makes the drafts the card's. It returns errLapsed if the moment of one
// has come.
func (tx *Tx) takeImported(ctx context.Context, card string, drafts []Imported) ([]Imported, error) {
	for i := range drafts {
		d := &drafts[i]
		if d.At != 0 && d.At <= tx.now && tx.work.stage != nil {
			return nil, errLapsed
		}
		d.Revision.CardID = card
		if err := tx.take(ctx, &d.Revision); err != nil {
			return nil, fmt.Errorf("revision of card %s: %w", card, err)
		}
	}
	return drafts, nil
}

// SetBase records which revision an imported draft amends, and what it gives: the base of the import, or
// the draft of the moment before.
func (tx *Tx) SetBase(ctx context.Context, d *Imported, base string) error {
	d.Revision.BaseID = base
	_, err := tx.exec(ctx, "UPDATE revisions SET base_id = ? WHERE id = ?", base, d.Revision.ID)
	if err == nil && d.givens <= maxChanges {
		err = tx.keepChanges(ctx, d.Revision.ID, d.given)
	}
	return err
}

// Importer takes the rates of an import. It belongs to one goroutine, and sorts the
// rates in another one.
type Importer struct {
	what    Import
	card    Card
	base    Revision // the active revision to compare with and to amend; zero for none
	hidden  error    // why the card's rates may be neither read nor compared; nil if they may
	now     schema.Micros
	moments map[schema.Micros]bool
	sampled []Sampled
	known   []string // revisions of other cards to compare with

	batch   []addition
	batches chan []addition // to be sorted
	free    chan []addition // sorted, for reuse
	sorted  chan struct{}   // closed after the last batch, or an error
	err     error           // valid after sorted is closed
	sorter  spill.Sorter    // of the added rates, by prefix and moment
}

// addition is a rate to be added.
type addition struct {
	kind  byte
	given uint16
	line  uint32
	at    schema.Micros
	rate  Rate
}

// RateGiven is a rate that an amendment gives only in part. The other columns keep their
// values. They are the rate's own if the prefix is new.
type RateGiven struct {
	Rate    Rate
	Given   uint16 // a bit for each column of schema.RateType
	Removed bool   // the prefix has no rate any more
	Line    uint32 // names the line of a file to Import.Refuse
}

// RateColumns returns the indexes of columns in schema.RateType.
func RateColumns(names []string) (at []int) {
	for _, name := range names {
		at = append(at, rateColumn(name))
	}
	return at
}

// wholeRate says that a rate gives all columns.
const wholeRate = ^uint16(0)

// additions is how many rates are passed to the sorter at once.
const additions = 512

// The kinds of records in the sorter.
const (
	added    = byte(iota)
	replaced // takes the place of what was added before
	removed  // takes back what was added before
	erased   // the prefix has no rate
)

// Add takes a rate that is in force from the moment at, 0 for now. It returns
// ErrInvalid for a malformed rate.
func (i *Importer) Add(at schema.Micros, rate Rate) error {
	if err := rate.Validate(); err != nil {
		return fmt.Errorf("rate %q: %w", rate.Prefix, err)
	}
	return i.put(added, at, &rate, wholeRate, 0)
}

// Put takes a rate like Add, or removes the prefix.
func (i *Importer) Put(at schema.Micros, rate RateGiven) error {
	if rate.Removed {
		return i.put(erased, at, &rate.Rate, 0, 0)
	}
	if err := rate.Rate.Validate(); err != nil {
		return fmt.Errorf("rate %q: %w", rate.Rate.Prefix, err)
	}
	return i.put(added, at, &rate.Rate, rate.Given, rate.Line)
}

// Replace replaces the rate that was added for a prefix and a moment. Nil takes it
// back.
func (i *Importer) Replace(at schema.Micros, prefix string, rate *RateGiven) error {
	if rate == nil {
		return i.put(removed, at, &Rate{Prefix: prefix}, 0, 0)
	}
	with := rate.Rate
	with.Prefix = prefix
	if rate.Removed {
		return i.put(erased, at, &with, 0, 0)
	}
	return i.put(replaced, at, &with, rate.Given, rate.Line)
}

func (i *Importer) put(kind byte, at schema.Micros, rate *Rate, given uint16, line uint32) error {
	i.moments[at] = true
	i.batch = append(i.batch, addition{kind, given, line, at, *rate})
	if len(i.batch) < additions {
		return nil
	}
	return i.flush()
}

// flush passes the batch to the sorter.
func (i *Importer) flush() error {
	select {
	case i.batches <- i.batch:
	case <-i.sorted:
		return i.err
	}
	select {
	case i.batch = <-i.free:
	default:
		i.batch = make([]addition, 0, additions)
	}
	return nil
}

// sort adds the batches to the sorter until batches is closed.
func (i *Importer) sort() {
	defer close(i.sorted)
	var key, value []byte
	var row []any
	values := schema.NewRateValues()
	for batch := range i.batches {
		for n := range batch {
			a := &batch[n]
			// The key is the prefix, a zero byte and the moment.
			key = binary.BigEndian.AppendUint64(append(append(key[:0], a.rate.Prefix...), 0), uint64(a.at))
			value = binary.BigEndian.AppendUint16(append(value[:0], a.kind), a.given)
			value = binary.BigEndian.AppendUint32(value, a.line)
			if a.kind == added || a.kind == replaced {
				row = values.Append(row[:0], &a.rate)
				value = appendValues(value, row)
			}
			if i.err = i.sorter.Add(key, value); i.err != nil {
				return
			}
		}
		select {
		case i.free <- batch[:0]:
		default:
		}
	}
}

// read reads the import into the sorter.
func (i *Importer) read(ctx context.Context) error {
	i.batches, i.free, i.sorted = make(chan []addition), make(chan []addition, 2), make(chan struct{})
	go i.sort()
	err := func() error {
		defer close(i.batches)
		if err := i.what.Read(ctx, i.card, i.now.Time(), i); err != nil {
			return err
		}
		return i.flush()
	}()
	if <-i.sorted; err == nil {
		err = i.err
	}
	return err
}

// run reads the import, and stages its drafts.
func (i *Importer) run(ctx context.Context, at *site) (drafts []Imported, err error) {
	i.batch, i.moments, i.sorter = nil, map[schema.Micros]bool{}, spill.Sorter{} // it may run again
	defer func() { err = errors.Join(err, i.sorter.Close()) }()
	if err := i.read(ctx); err != nil {
		return nil, err
	}
	if i.hidden != nil && len(i.moments) > 1 { // its drafts would hold rates of the base, and their number tell of them
		return nil, i.hidden
	}
	if err := i.compare(ctx, at); err != nil {
		return nil, fmt.Errorf("comparison of card %s: %w", i.card.ID, err)
	}
	var staged []*Revision
	drafts = make([]Imported, len(i.moments))
	for n, moment := range slices.Sorted(maps.Keys(i.moments)) {
		d := &drafts[n]
		d.At, d.Revision = moment, Revision{Status: RevisionDraft, Origin: OriginImport, CreatedAt: i.now, ID: at.store.newID("revision")}
		if i.hidden == nil {
			d.Changes = &DiffSum{}
		}
		staged = append(staged, &d.Revision)
	}
	rows := func(ctx context.Context, emit func([]any) error) error { return i.merge(ctx, at, drafts, emit) }
	if i.what.Preview {
		return drafts, rows(ctx, func([]any) error { return nil })
	}
	if err := at.fill(ctx, staged, rows); err != nil {
		return nil, fmt.Errorf("revision of card %s: %w", i.card.ID, err)
	}
	return drafts, nil
}
