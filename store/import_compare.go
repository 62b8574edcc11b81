package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strings"

	"resellerd/store/coop"
	"resellerd/store/dialect"
)

// PriceMove is a price that rises or falls: of a minute, or of a call.
type PriceMove struct {
	Prefix  string
	Was, Is int64  // with ten decimals
	Call    bool   // the cost of a call of one minute, with its fee and steps
	Under   string // the shorter prefix that applied before, if the prefix is new
}

// Compared holds the known prices for some prefixes of an import.
type Compared struct {
	Own   bool // the rates in force of the card itself
	Pairs []PriceMove
}

// Sampled is a rate of an import that is compared with other cards.
type Sampled struct {
	Prefix string
	Cost   int64
}

// Sample gives the rates to compare with the cards of Import.Known.
func (i *Importer) Sample(some []Sampled) { i.sampled = some }

// Limits of what an import lists.
const (
	maxMoves  = 20
	maxDoubts = 100
	maxKnown  = 3 // other cards to compare with
)

// minutePrices are the indexes of the prices of a minute.
var minutePrices = []int{costAt, rateColumn("inter"), rateColumn("intra")}

var connectAt = rateColumn("connect")

// covering keeps the rates whose prefixes begin the current one, and adds its own, nil for none. It returns the longest of
// them that is shorter, nil for none.
func covering(rates *[][]any, prefix string, own []any) (by []any) {
	some := *rates
	for len(some) > 0 && !strings.HasPrefix(prefix, prefixOf(some[len(some)-1])) {
		some = some[:len(some)-1]
	}
	if len(some) > 0 {
		by = some[len(some)-1]
	}
	if own != nil {
		some = append(some, own)
	}
	*rates = some
	return by
}

// Opened is a prefix that was blocked, by itself or by a shorter one, and that an import opens without saying so. It leaves
// the prefix without a rate, so that an open shorter one applies, or gives it a rate without a status.
type Opened struct {
	Prefix, Under string // the same if the import gives the prefix a rate
	Cost          int64  // of the rate that applies
}

// OpensSum identifies the prefixes that are opened, and their moment: another import has the same one only if it opens the
// same prefixes.
func (d *Imported) OpensSum() string {
	if d.opening == nil {
		return ""
	}
	return hex.EncodeToString(d.opening.Sum(nil)[:8])
}

// opens keeps a prefix that an import opens without saying so. by and above are the rates of the longest shorter prefixes
// before the import and after it, and given are the columns that the import gives.
func (d *Imported) opens(prefix string, was, is, by, above []any, given uint16, what *Import) {
	if is != nil && given&(1<<statusAt) != 0 {
		return
	}
	if was == nil {
		was = by
	}
	if is == nil {
		is = above
	}
	if was == nil || was[statusAt] != "blocked" || is == nil || is[statusAt] == "blocked" || what.Opens[prefix] {
		return
	}
	if d.Opens++; len(d.Opened) < maxDoubts {
		d.Opened = append(d.Opened, Opened{prefix, prefixOf(is), orCost(is, costAt)})
	}
	if d.opening == nil {
		d.opening = sha256.New()
		fmt.Fprintln(d.opening, int64(d.At))
	}
	_, _ = io.WriteString(d.opening, prefix+"\n") // never fails
}

// newTimes is how much wider the limit is for a prefix that is new below another one. It is
// another destination: a mobile network often costs several times the fixed one.
const newTimes = 10

// move keeps the price of a prefix that rises or falls most, or the cost of a call if that does more, if it is one of
// the largest, or beyond the limit of the import. A new prefix, or one that was blocked without a price, is compared
// with the shorter one that applied before.
func (d *Imported) move(prefix string, was, is, by []any, what *Import) {
	if is == nil || is[statusAt] == "blocked" {
		return
	}
	m := PriceMove{Prefix: prefix}
	if was == nil || was[statusAt] == "blocked" && orCost(was, costAt) == 0 {
		if by == nil || by[statusAt] == "blocked" {
			return
		}
		was, m.Under = by, prefixOf(by)
	}
	m.Was, m.Is = orCost(was, costAt), orCost(is, costAt)
	for _, at := range minutePrices[1:] {
		if was[at] == nil && is[at] == nil {
			continue
		}
		if other := (PriceMove{prefix, orCost(was, at), orCost(is, at), false, m.Under}); other.further(m) {
			m = other
		}
	}
	otherwise := func(at int) bool { return orCost(was, at) != orCost(is, at) }
	for _, at := range minutePrices {
		if !slices.ContainsFunc([]int{mcdAt, pulseAt, connectAt}, otherwise) {
			break
		}
		if call := (PriceMove{prefix, callCost(was, at), callCost(is, at), true, m.Under}); call.further(m) {
			m = call
		}
	}
	switch {
	case m.Is > m.Was:
		d.Rises = m.among(d.Rises)
	case m.Is < m.Was:
		d.Falls = m.among(d.Falls)
	default:
		return
	}
	times := what.RowTimes
	if m.Under != "" {
		times *= newTimes
	}
	if times > 0 && m.beyond(times) && !what.Confirm[PriceMove{Prefix: m.Prefix, Is: m.Is}] {
		if d.Doubts++; len(d.Doubtful) < maxDoubts {
			d.Doubtful = append(d.Doubtful, m)
		}
	}
}

// callCost returns the cost of a call of one minute at one of the prices of a rate. A cost beyond 64 bits is the greatest
// one.
func callCost(rate []any, at int) int64 {
	billed, pulse := uint64(max(orCost(rate, mcdAt), 0)), uint64(max(orCost(rate, pulseAt), 1))
	if billed < 60 {
		billed += (60 - billed + pulse - 1) / pulse * pulse
	}
	hi, lo := bits.Mul64(uint64(max(orCost(rate, at), 0)), billed)
	if hi >= 60 {
		return math.MaxInt64
	}
	cost, rest := bits.Div64(hi, lo, 60)
	if rest > 0 && cost < math.MaxUint64 {
		cost++
	}
	fee := uint64(max(orCost(rate, connectAt), 0))
	if cost > math.MaxInt64-fee {
		return math.MaxInt64
	}
	return int64(cost + fee)
}

// spread returns the greater and the lesser price.
func (m PriceMove) spread() (most, least uint64) {
	return uint64(max(m.Was, m.Is, 0)), uint64(max(min(m.Was, m.Is), 0))
}

// further reports whether the ratio of the prices is greater than that of another move.
func (m PriceMove) further(than PriceMove) bool {
	most, least := m.spread()
	otherMost, otherLeast := than.spread()
	hi, lo := bits.Mul64(most, otherLeast)
	otherHi, otherLo := bits.Mul64(otherMost, least)
	return cmp.Or(cmp.Compare(hi, otherHi), cmp.Compare(lo, otherLo)) > 0
}

// beyond reports whether one price is more than times the other.
func (m PriceMove) beyond(times int64) bool {
	most, least := m.spread()
	hi, lo := bits.Mul64(least, uint64(times))
	return hi == 0 && most > lo
}

// among adds a move to the largest ones, which are in the order of their size.
func (m PriceMove) among(list []PriceMove) []PriceMove {
	if len(list) == maxMoves && !m.further(list[maxMoves-1]) {
		return list
	}
	at := slices.IndexFunc(list, m.further)
	if at < 0 {
		at = len(list)
	}
	if list = slices.Insert(list, at, m); len(list) > maxMoves {
		list = list[:maxMoves]
	}
	return list
}

// knownRevisions returns the active revisions of the cards whose rates may be read, at most
// maxKnown.
func (tx *Tx) knownRevisions(ctx context.Context, rates RateAccess, what *Import) (revisions []string, err error) {
	for _, card := range what.Known {
		if len(revisions) == maxKnown {
			break
		}
		if card == what.Card {
			continue
		}
		if err := rates.Reads(ctx, card); errors.Is(err, ErrRatesHidden) {
			continue
		} else if err != nil {
			return nil, err
		}
		active, err := tx.activeRevision(ctx, card)
		if err != nil {
			return nil, err
		}
		if active.ID != "" {
			revisions = append(revisions, active.ID)
		}
	}
	return revisions, nil
}

// lookedUp is how many prefixes a comparison looks up in one statement.
const lookedUp = 500

// compare looks up the sampled prefixes in the rates in force of the card, or else in those of
// the known cards.
func (i *Importer) compare(ctx context.Context, at *site) error {
	if i.what.Compare == nil || len(i.sampled) == 0 {
		return nil
	}
	var own, others Compared
	own.Own = true
	var err error
	if i.base.ID != "" && i.hidden == nil {
		if own.Pairs, err = i.pairs(ctx, at, i.base.ID); err != nil {
			return err
		}
	}
	if len(own.Pairs) > 0 {
		i.what.Compare(own)
		return nil
	}
	for _, revision := range i.known {
		some, err := i.pairs(ctx, at, revision)
		if err != nil {
			return err
		}
		others.Pairs = append(others.Pairs, some...)
	}
	i.what.Compare(others)
	return nil
}

func (i *Importer) pairs(ctx context.Context, at *site, revision string) (all []PriceMove, err error) {
	type known struct {
		Prefix string
		Cost   int64
	}
	for some := range slices.Chunk(i.sampled, lookedUp) {
		if err := coop.Yield(ctx); err != nil {
			return nil, err
		}
		args, prices := []any{revision}, map[string]int64{}
		for _, s := range some {
			args = append(args, s.Prefix)
			prices[s.Prefix] = s.Cost
		}
		found, err := dialect.SelectAll[known](ctx, at.store.dialect, at.on(),
			"SELECT prefix, cost FROM rates WHERE revision_id = ? AND status = 'open' AND prefix IN (?"+strings.Repeat(", ?", len(some)-1)+")", args...)
		if err != nil {
			return nil, err
		}
		for _, k := range found {
			all = append(all, PriceMove{Prefix: k.Prefix, Was: k.Cost, Is: prices[k.Prefix]})
		}
	}
	return all, nil
}

// CompareRatio orders moves by the ratio of their new prices to the old ones.
func (m PriceMove) CompareRatio(other PriceMove) int {
	hi, lo := bits.Mul64(uint64(max(m.Is, 0)), uint64(max(other.Was, 0)))
	otherHi, otherLo := bits.Mul64(uint64(max(other.Is, 0)), uint64(max(m.Was, 0)))
	return cmp.Or(cmp.Compare(hi, otherHi), cmp.Compare(lo, otherLo))
}
