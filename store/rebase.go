package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// An amendment stores which columns its file gives for which prefixes. If another revision than
// its base is active when it is to be activated, it is rebased: everything else gets the values of
// the active revision. That is possible if both descend from one revision by amendments.

// maxChanges is how many prefixes of an amendment are stored. An amendment that gives more of
// them is never rebased.
const maxChanges = 200_000

// givenColumns are the columns that amendments give for prefixes: a bit for each column of
// schema.RateType. A prefix that is given as a whole, or removed, has all bits.
type givenColumns map[string]uint16

// appendGiven appends what an amendment gives for a prefix, as it is stored.
func appendGiven(to []byte, prefix string, columns uint16) []byte {
	to = append(to, prefix...)
	if columns != wholeRate {
		to = strconv.AppendUint(append(to, ':'), uint64(columns), 16)
	}
	return append(to, ' ')
}

// add adds what an amendment gives, as it is stored.
func (g givenColumns) add(stored string) error {
	for field := range strings.FieldsSeq(stored) {
		prefix, mask, partly := strings.Cut(field, ":")
		columns := uint64(wholeRate)
		if partly {
			var err error
			if columns, err = strconv.ParseUint(mask, 16, 16); err != nil {
				return fmt.Errorf("the columns of prefix %q are damaged: %w", prefix, fault.ErrUnavailable)
			}
		}
		g[prefix] |= uint16(columns)
	}
	return nil
}

// ErrBaseMoved says that an amendment must be rebased before it is activated. See Rebase.
var ErrBaseMoved = errors.New("the amendment must be rebased first")

// keepChanges stores what an amendment gives.
func (tx *Tx) keepChanges(ctx context.Context, revision string, changes []byte) error {
	_, err := tx.exec(ctx, "INSERT INTO revision_changes (revision_id, prefixes) VALUES (?, ?)", revision, string(changes))
	return err
}

// storedChanges returns what an amendment gives, as it is stored. known is false if it is not.
func (tx *Tx) storedChanges(ctx context.Context, revision string) (stored string, known bool, err error) {
	found, err := dialect.SelectAll[struct{ Prefixes string }](ctx, tx.store.dialect, tx.tx, "SELECT prefixes FROM revision_changes WHERE revision_id = ?", revision)
	if err != nil || len(found) == 0 {
		return "", false, err
	}
	return found[0].Prefixes, true, nil
}

// changesOf returns what amendments give. known is false if that is not stored for one of them, or if it is too much.
func (tx *Tx) changesOf(ctx context.Context, revisions ...string) (all givenColumns, known bool, err error) {
	all = givenColumns{}
	for _, id := range revisions {
		stored, known, err := tx.storedChanges(ctx, id)
		if err != nil || !known {
			return nil, false, err
		}
		if err := all.add(stored); err != nil || len(all) > maxChanges {
			return nil, false, err
		}
	}
	return all, true, nil
}

// shared returns the prefixes that two amendments give, as they are stored: in their order.
func shared(one, other string) (both []string) {
	next := func(list *string) (prefix string) {
		prefix, *list, _ = strings.Cut(*list, " ")
		prefix, _, _ = strings.Cut(prefix, ":")
		return prefix
	}
	a, b := next(&one), next(&other)
	for a != "" && b != "" {
		switch order := strings.Compare(a, b); {
		case order < 0:
			a = next(&one)
		case order > 0:
			b = next(&other)
		default:
			both = append(both, a)
			a, b = next(&one), next(&other)
		}
	}
	return both
}

// lineage maps each amendment of a card to its base.
func (tx *Tx) lineage(ctx context.Context, card string) (map[string]string, error) {
	found, err := dialect.SelectAll[struct {
		ID     string
		BaseID string `db:"base_id"`
	}](ctx, tx.store.dialect, tx.tx, "SELECT id, base_id FROM revisions WHERE card_id = ? AND base_id IS NOT NULL", card)
	if err != nil {
		return nil, err
	}
	bases := map[string]string{}
	for _, r := range found {
		bases[r.ID] = r.BaseID
	}
	return bases, nil
}

// ancestors returns a revision, its base, the base of that, and so on.
func ancestors(bases map[string]string, id string) (all []string) {
	for id != "" && !slices.Contains(all, id) {
		all = append(all, id)
		id = bases[id]
	}
	return all
}

// apart returns the amendments between two revisions and their nearest common ancestor. ok is
// false if they have none.
func apart(bases map[string]string, one, other string) (between []string, ok bool) {
	up, also := ancestors(bases, one), ancestors(bases, other)
	for n, id := range up {
		if at := slices.Index(also, id); at >= 0 {
			return append(slices.Clone(up[:n]), also[:at]...), true
		}
	}
	return nil, false
}

// rebasing returns the prefixes whose rates an amendment takes from the active revision when it
// is rebased, and what it gives itself. It returns ErrConflict if it cannot be rebased.
func (tx *Tx) rebasing(ctx context.Context, r *Revision, active string) (prefixes []string, own givenColumns, err error) {
	unlike := refused(ReasonBaseChanged, "base_id", "is not the active revision any more")
	bases, err := tx.lineage(ctx, r.CardID)
	if err != nil {
		return nil, nil, err
	}
	between, ok := apart(bases, r.BaseID, active)
	if !ok {
		return nil, nil, unlike
	}
	own, known, err := tx.changesOf(ctx, r.ID)
	if err != nil || !known {
		return nil, nil, cmp.Or(err, unlike)
	}
	others, known, err := tx.changesOf(ctx, between...)
	if err != nil || !known {
		return nil, nil, cmp.Or(err, unlike)
	}
	prefixes = own.open(slices.Sorted(maps.Keys(others)))
	opened, err := tx.opensUnpriced(ctx, r, active, prefixes, own)
	if opened != "" {
		err = refused(ReasonBaseChanged, "base_id", "is not the active revision any more, which blocks the prefix "+opened+" without a price: the amendment would open it without one")
	}
	return prefixes, own, err
}

// opensUnpriced returns a prefix that an amendment opens, and for which it would take the missing price of
// a blocked row of another revision; "" for none.
func (tx *Tx) opensUnpriced(ctx context.Context, r *Revision, from string, prefixes []string, own givenColumns) (string, error) {
	opens := slices.DeleteFunc(slices.Clone(prefixes), func(prefix string) bool {
		return own[prefix]&(1<<statusAt) == 0 || own[prefix]&(1<<costAt) != 0
	})
	for some := range slices.Chunk(opens, lookedUp) {
		args := []any{r.ID, from}
		for _, prefix := range some {
			args = append(args, prefix)
		}
		found, err := dialect.SelectAll[struct{ Prefix string }](ctx, tx.store.dialect, tx.tx,
			"SELECT rates.prefix FROM rates JOIN rates AS other ON other.prefix = rates.prefix WHERE rates.revision_id = ? AND other.revision_id = ?"+
				" AND rates.status <> 'blocked' AND other.status = 'blocked' AND other.cost = 0 AND rates.prefix IN (?"+strings.Repeat(", ?", len(some)-1)+
				") ORDER BY rates.prefix LIMIT 1", args...)
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return found[0].Prefix, nil
		}
	}
	return "", nil
}

// open returns the prefixes that are not given as a whole.
func (g givenColumns) open(prefixes []string) (open []string) {
	for _, prefix := range prefixes {
		if g[prefix] != wholeRate {
			open = append(open, prefix)
		}
	}
	return open
}

// Rebase bases an amendment that was never active on the card's active revision: what the
// amendment does not give gets the values of the active revision. It does nothing if that is
// the base already. It returns ErrNotFound, or ErrConflict, with ReasonBaseChanged, if the two
// do not descend from one revision by amendments.
func (tx *Tx) Rebase(ctx context.Context, card, id string) error {
	r, err := tx.Revision(ctx, card, id)
	if err != nil {
		return err
	}
	active, err := tx.activeRevision(ctx, card)
	if err != nil || r.BaseID == "" || r.Number != 0 || !unpublished(&r) || r.BaseID == active.ID {
		return err
	}
	was := r.BaseID
	prefixes, own, err := tx.rebasing(ctx, &r, active.ID)
	if err == nil {
		err = tx.takeRates(ctx, &r, active.ID, prefixes, own)
	}
	if err == nil {
		r.BaseID = active.ID
		_, err = tx.execNamed(ctx, revisionsTable.update, r)
	}
	if err == nil {
		err = tx.passOn(ctx, &r, was, prefixes)
	}
	if err != nil {
		return fmt.Errorf("revision %s: %w", id, err)
	}
	return nil
}

// passOn gives the amendments that are based on a revision the rates that it got itself, except
// for what they give. An amendment that would open a prefix without a price, or whose changes are not stored, gets the
// former base of the revision: it is rebased, or held, when its time comes.
func (tx *Tx) passOn(ctx context.Context, r *Revision, was string, prefixes []string) error {
	if len(prefixes) == 0 {
		return nil
	}
	waiting, err := tx.waiting(ctx, r.CardID)
	if err != nil {
		return err
	}
	for _, next := range waiting {
		if next.BaseID != r.ID {
			continue
		}
		own, known, err := tx.changesOf(ctx, next.ID)
		if err != nil {
			return err
		}
		taken := own.open(prefixes)
		opened, err := tx.opensUnpriced(ctx, &next, r.ID, taken, own)
		if err != nil {
			return err
		}
		if !known || opened != "" {
			next.BaseID, taken = was, nil
		}
		if err := tx.takeRates(ctx, &next, r.ID, taken, own); err != nil {
			return err
		}
		if _, err := tx.execNamed(ctx, revisionsTable.update, next); err != nil {
			return err
		}
		if err := tx.passOn(ctx, &next, r.ID, taken); err != nil {
			return err
		}
	}
	return nil
}

// takeRates gives some prefixes of a revision the rates of another one, except for the columns that
// the revision gives itself.
func (tx *Tx) takeRates(ctx context.Context, r *Revision, from string, prefixes []string, own givenColumns) error {
	alike := map[uint16][]string{} // prefixes by what is given for them
	for _, prefix := range prefixes {
		alike[own[prefix]] = append(alike[own[prefix]], prefix)
	}
	for _, given := range slices.Sorted(maps.Keys(alike)) {
		take := tx.copyRates
		if given != 0 {
			take = func(ctx context.Context, r *Revision, from string, prefixes []string) error {
				return tx.mergeRates(ctx, r, from, prefixes, given)
			}
		}
		if err := take(ctx, r, from, alike[given]); err != nil {
			return err
		}
	}
	return nil
}

// mergeRates gives some prefixes of a revision the values of another one in the columns that are
// not given. A prefix that the other one lacks goes, unless its price or its block is given.
func (tx *Tx) mergeRates(ctx context.Context, r *Revision, from string, prefixes []string, given uint16) error {
	var taken []string
	for i, name := range schema.RateType.Names() {
		if i != prefixAt && given&(1<<i) == 0 {
			taken = append(taken, name+" = other."+name)
		}
	}
	goes := ""
	switch {
	case given&(1<<costAt) != 0:
	case given&(1<<statusAt) != 0:
		goes = " AND status <> 'blocked'"
	default:
		goes = " AND 1 = 1"
	}
	for some := range slices.Chunk(prefixes, lookedUp) {
		args := []any{r.ID, from}
		for _, prefix := range some {
			args = append(args, prefix)
		}
		in := " AND rates.prefix IN (?" + strings.Repeat(", ?", len(some)-1) + ")"
		if len(taken) > 0 {
			if _, err := tx.exec(ctx, "UPDATE rates SET "+strings.Join(taken, ", ")+
				" FROM rates AS other WHERE rates.revision_id = ? AND other.revision_id = ? AND other.prefix = rates.prefix"+in, args...); err != nil {
				return err
			}
		}
		if goes == "" {
			continue
		}
		gone, err := tx.exec(ctx, "DELETE FROM rates WHERE revision_id = ? AND NOT EXISTS (SELECT 1 FROM rates AS other WHERE other.revision_id = ? AND other.prefix = rates.prefix)"+goes+in, args...)
		if err != nil {
			return err
		}
		r.Rows -= gone
	}
	return nil
}

// copyRates gives some prefixes of a revision the rates of another one.
func (tx *Tx) copyRates(ctx context.Context, r *Revision, from string, prefixes []string) error {
	columns := strings.Join(rateColumns[1:], ", ")
	for some := range slices.Chunk(prefixes, lookedUp) {
		args := []any{r.ID}
		for _, prefix := range some {
			args = append(args, prefix)
		}
		in := " WHERE revision_id = ? AND prefix IN (?" + strings.Repeat(", ?", len(some)-1) + ")"
		gone, err := tx.exec(ctx, "DELETE FROM rates"+in, args...)
		if err != nil {
			return err
		}
		args[0] = from
		came, err := tx.exec(ctx, "INSERT INTO rates (revision_id, "+columns+") SELECT CAST(? AS TEXT), "+columns+" FROM rates"+in, append([]any{r.ID}, args...)...)
		if err != nil {
			return err
		}
		r.Rows += came - gone
	}
	return nil
}

// baseMoved returns ErrBaseMoved if an amendment must be rebased on the active revision, and
// ErrConflict if it cannot be.
func (tx *Tx) baseMoved(ctx context.Context, r *Revision, active string) error {
	if r.BaseID == "" || r.Number != 0 || r.BaseID == active {
		return nil
	}
	if _, _, err := tx.rebasing(ctx, r, active); err != nil {
		return err
	}
	return ErrBaseMoved
}

// Amendments lists the revisions of a card that were never active and are based on a revision,
// directly or through others, in the order in which they were made.
func (tx *Tx) Amendments(ctx context.Context, card, on string) (ids []string, err error) {
	bases, err := tx.lineage(ctx, card)
	if err != nil {
		return nil, err
	}
	waiting, err := tx.waiting(ctx, card)
	for _, r := range waiting {
		if r.ID != on && slices.Contains(ancestors(bases, r.ID), on) {
			ids = append(ids, r.ID)
		}
	}
	return ids, err
}

// waiting lists the revisions of a card that were never active.
func (tx *Tx) waiting(ctx context.Context, card string) ([]Revision, error) {
	return dialect.SelectAll[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+
		" WHERE card_id = ? AND status IN (?, ?, ?) ORDER BY created_at, id", card, RevisionDraft, RevisionScheduled, RevisionHeld)
}

// Overlap is a prefix that another amendment gives too, which was never active.
type Overlap struct {
	Prefix   string
	Revision Revision // the other one
	Rate     *int64   // its price of a minute; nil if it blocks or removes the prefix
	More     int      // other prefixes of the two; if they are many, only the first one is listed
}

// maxShared is how many overlaps with one amendment an import lists.
const maxShared = 20

// overlaps lists the prefixes that an amendment and other ones give. Amendments that it is
// based on are left out. It also returns the replacements that wait, and amendments that give too
// many prefixes: the amendment could not be rebased on them.
func (tx *Tx) overlaps(ctx context.Context, card, base string, drafts []Imported) (all []Overlap, replacements []Revision, err error) {
	bases, err := tx.lineage(ctx, card)
	if err != nil {
		return nil, nil, err
	}
	waiting, err := tx.waiting(ctx, card)
	if err != nil {
		return nil, nil, err
	}
	under := ancestors(bases, base)
	for _, r := range waiting {
		switch {
		case slices.Contains(under, r.ID):
			continue
		case r.BaseID == "":
			if r.Status == RevisionScheduled {
				replacements = append(replacements, r)
			}
			continue
		}
		theirs, known, err := tx.storedChanges(ctx, r.ID)
		if err != nil {
			return nil, nil, err
		}
		if !known && r.Status == RevisionScheduled {
			replacements = append(replacements, r)
		}
		var both []string
		for i := range drafts {
			both = append(both, shared(string(drafts[i].given), theirs)...)
		}
		slices.Sort(both)
		both = slices.Compact(both)
		listed := both
		if len(both) > maxShared {
			listed = both[:1]
		}
		for _, prefix := range listed {
			o := Overlap{Prefix: prefix, Revision: r, More: len(both) - len(listed)}
			found, err := dialect.SelectOne[struct {
				Cost   int64
				Status string
			}](ctx, tx.store.dialect, tx.tx, "SELECT cost, status FROM rates WHERE revision_id = ? AND prefix = ?", r.ID, prefix)
			if err == nil && found.Status == "open" {
				o.Rate = &found.Cost
			} else if err != nil && !errors.Is(err, fault.ErrNotFound) {
				return nil, nil, err
			}
			all = append(all, o)
		}
	}
	return all, replacements, nil
}
