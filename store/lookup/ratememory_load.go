package lookup

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/raterows"
	"resellerd/store/rating"
)

// errNoRoom means that the items in use leave too little of the budget.
var errNoRoom = errors.New("no room in the rate memory")

// loadRates reads a revision's rates into the cache. If the revision was built
// and all its parents are cached, its rows are computed from theirs instead,
// which takes almost no memory. Before that, every computed row is compared
// with the stored one.
func (f *Finder) loadRates(ctx context.Context, w wantedRates) error {
	item, err := f.builtItem(ctx, w)
	if err != nil {
		return err
	}
	if item == nil {
		if item, err = f.heldItem(ctx, w); err != nil {
			return err
		}
	}
	if !f.memory.put(item) {
		return errNoRoom
	}
	return nil
}

func ratesItem(w wantedRates, value rateSource, bytes int64, on ...*memoryItem) *memoryItem {
	return &memoryItem{key: ratesKey(w.revision), card: w.card, value: value, bytes: bytes + itemBytes, on: on, losses: w.losses}
}

// itemBytes is the overhead of a cached item.
const itemBytes = 256

// heldItem reads all rates of a revision.
func (f *Finder) heldItem(ctx context.Context, w wantedRates) (*memoryItem, error) {
	if !f.memory.fits(w.rows) {
		return nil, errNoRoom
	}
	held := &heldRates{names: make([]uint32, 0, w.rows)}
	known := map[string]uint32{}
	stored := raterows.NewReader(ctx, f.Dialect, f.Pool, w.revision).Rates()
	table, err := rating.NewTable(func() (rating.Row, bool, error) {
		rate, more, err := stored()
		if err != nil || !more {
			return rating.Row{}, false, err
		}
		number, ok := known[rate.Name]
		if !ok {
			number = uint32(len(held.texts))
			known[rate.Name], held.texts = number, append(held.texts, rate.Name)
		}
		held.names = append(held.names, number)
		return rate.Row, true, nil
	}, int(w.rows))
	if err != nil {
		return nil, fmt.Errorf("rates of revision %s: %w", w.revision, err)
	}
	held.table = table
	if err := f.stillWhole(ctx, w.revision, int64(table.Len())); err != nil {
		return nil, err
	}
	return ratesItem(w, held, held.bytes()), nil
}

// stillWhole checks that the revision was not deleted while it was read.
func (f *Finder) stillWhole(ctx context.Context, revision string, rows int64) error {
	type counted struct {
		Rows int64 `db:"row_count"`
	}
	known, err := dialect.SelectOne[counted](ctx, f.Dialect, f.Pool, "SELECT row_count FROM revisions WHERE id = ?", revision)
	if err == nil && known.Rows != rows {
		err = fmt.Errorf("%d rows of %d", rows, known.Rows)
	}
	if err != nil {
		return fmt.Errorf("revision %s: %w", revision, err)
	}
	return nil
}

// builtItem returns the revision as computed from its parents. It returns nil
// if the revision was not built, if a parent is not cached, or if a computed
// row differs from the stored one.
func (f *Finder) builtItem(ctx context.Context, w wantedRates) (*memoryItem, error) {
	build, parents, err := f.Build(ctx, w.revision)
	if err != nil || len(parents) == 0 {
		return nil, err
	}
	built, on := &builtRates{build: build}, make([]*memoryItem, len(parents))
	for i, parent := range parents {
		f.memory.before(w, parent)
		if on[i] = f.memory.keptItem(ratesKey(parent)); on[i] == nil {
			return nil, nil
		}
		built.parents = append(built.parents, on[i].value.(rateSource))
	}
	names, err := f.ownNames(ctx, w)
	if err != nil {
		return nil, err
	}
	on, built.own = append(on, names), names.value.(*ownNames)
	same, err := f.comesOut(ctx, w, built)
	if err != nil || !same {
		return nil, err
	}
	return ratesItem(w, built, itemBytes, on...), nil
}

// keptItem returns the cached item of a key, or nil.
func (m *rateMemory) keptItem(key string) *memoryItem {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.item(key, m.now().UnixNano())
}

// comesOut compares the computed rows with the stored ones. A row that cannot
// be computed counts as a difference, not as an error.
func (f *Finder) comesOut(ctx context.Context, w wantedRates, built *builtRates) (bool, error) {
	stored := raterows.NewReader(ctx, f.Dialect, f.Pool, w.revision).Rates()
	source, stop := built.rows()
	defer stop()
	for count := int64(0); ; count++ {
		want, more, err := stored()
		if err != nil {
			return false, err
		}
		row, one, err := source()
		if err != nil || one != more || one && row != want.Row {
			return false, nil
		}
		if !one {
			return true, f.stillWhole(ctx, w.revision, count)
		}
		if found, ok, err := built.find(row.Prefix); err != nil || !ok || found != want {
			return false, nil
		}
	}
}

// ownPlace is an account's own name for the place of a prefix.
type ownPlace struct{ Prefix, Name string }

// ownNames returns the place names of the card's owner. Equal lists are cached
// once.
func (f *Finder) ownNames(ctx context.Context, w wantedRates) (*memoryItem, error) {
	card := w.card
	places, err := dialect.SelectAll[ownPlace](ctx, f.Dialect, f.Pool,
		"SELECT prefix, name FROM destinations WHERE account_id = (SELECT account_id FROM cards WHERE id = ?) ORDER BY prefix", card)
	if err != nil {
		return nil, fmt.Errorf("destinations of card %s: %w", card, err)
	}
	names := &ownNames{}
	rows := make([]rating.Row, len(places))
	for i, place := range places {
		p, err := rating.ParsePrefix(place.Prefix)
		if err != nil {
			return nil, fmt.Errorf("destinations of card %s: %w", card, err)
		}
		rows[i] = rating.Row{Prefix: p, Rate: rating.Rate{Increment: rating.Increment{Pulse: 1}}}
		names.texts = append(names.texts, place.Name)
	}
	if names.table, err = rating.NewTable(rating.Rows(rows), len(rows)); err != nil {
		return nil, fmt.Errorf("destinations of card %s: %w", card, err)
	}
	text, err := json.Marshal(places)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	item := &memoryItem{key: "names\x00" + string(sum[:]), value: names, bytes: names.bytes() + itemBytes, losses: w.losses}
	if known := f.memory.keptItem(item.key); known != nil {
		return known, nil
	}
	if !f.memory.put(item) {
		return nil, errNoRoom
	}
	return item, nil
}
