package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// The states of a revision.
const (
	RevisionDraft     = "draft"
	RevisionScheduled = "scheduled"
	RevisionHeld      = "held"
	RevisionActive    = "active"
	RevisionInactive  = "inactive" // one of the newest that were active; can be again
	RevisionArchived  = "archived"
)

// switchable is how many revisions that were active stay inactive, beside the
// active one; older ones are archived.
const switchable = 2

// Revision is one state of a card's rates.
type Revision struct {
	ID            string
	CardID        string `db:"card_id"`
	Number        int    // counts up for each card from its first activation; 0 before it
	Status        string
	LiveAt        Micros `db:"live_at"`        // when a scheduled one becomes active
	ActivatedAt   Micros `db:"activated_at"`   // last
	DeactivatedAt Micros `db:"deactivated_at"` // last; 0 while active
	Rows          int64  `db:"row_count"`
	CreatedAt     Micros `db:"created_at"`
}

// Rate is what one prefix costs. Amounts are in units of 10^-10 of the card's
// currency (see ParseMoney) and never negative.
type Rate struct {
	Prefix  string // 1 to 15 digits, E.164 without "+"
	Name    string
	Cost    int64  // per minute; the indeterminate rate
	Inter   *int64 // per minute, nil for Cost
	Intra   *int64 // per minute, nil for Cost
	MCD     int    // seconds that are charged at least
	Pulse   int    // seconds of a billing step, at least 1
	Connect int64  // per call
	Blocked bool
}

var rateColumns = []string{"revision_id", "prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"}

// maxSeconds bounds mcd and pulse: a day.
const maxSeconds = 86_400

// Validate returns an ErrInvalid that names the first field at fault.
func (r *Rate) Validate() error {
	var c checks
	if !digits(r.Prefix, maxPrefix) {
		c.refuse("prefix", "is not 1 to %d digits", maxPrefix)
	}
	c.text("name", r.Name, maxName)
	for field, amount := range map[string]*int64{"cost": &r.Cost, "inter": r.Inter, "intra": r.Intra, "connect": &r.Connect} {
		if amount != nil && *amount < 0 {
			c.refuse(field, "is negative")
		}
	}
	if r.MCD < 0 || r.MCD > maxSeconds {
		c.refuse("mcd", "is not between 0 and %d seconds", maxSeconds)
	}
	if r.Pulse < 1 || r.Pulse > maxSeconds {
		c.refuse("pulse", "is not between 1 and %d seconds", maxSeconds)
	}
	return c.err
}

func (r *Rate) columns(revision string) []any {
	status := "open"
	if r.Blocked {
		status = "blocked"
	}
	return []any{revision, r.Prefix, r.Name, r.Cost, amount(r.Inter), amount(r.Intra), r.MCD, r.Pulse, r.Connect, status}
}

func amount(money *int64) any {
	if money == nil {
		return nil
	}
	return *money
}

const selectRevision = `SELECT id, card_id, COALESCE(number, 0) AS number, status, COALESCE(live_at, 0) AS live_at,
	COALESCE(activated_at, 0) AS activated_at, COALESCE(deactivated_at, 0) AS deactivated_at, row_count, created_at
	FROM revisions`

// Revision reads a revision of a card of the tenant; ErrNotFound if either is
// absent.
func (tx *Tx) Revision(ctx context.Context, card, id string) (Revision, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return Revision{}, err
	}
	if !storable(id) {
		return Revision{}, fmt.Errorf("revision: %w", ErrNotFound)
	}
	r, err := selectOne[Revision](ctx, tx.store.dialect, tx.tx, selectRevision+" WHERE card_id = ? AND id = ?", card, id)
	if err != nil {
		return Revision{}, fmt.Errorf("revision %s: %w", id, err)
	}
	return r, nil
}

// CreateRevision stores a new draft of a card of the tenant with all rates of
// the sequence, in any order. An error of the sequence ends it and is
// returned. It returns ErrNotFound for an unknown card and ErrInvalid for a
// malformed rate or a prefix that occurs twice; the transaction can then only
// be given up.
func (tx *Tx) CreateRevision(ctx context.Context, card string, rates iter.Seq2[Rate, error]) (Revision, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return Revision{}, err
	}
	r := Revision{ID: tx.store.newID("revision"), CardID: card, Status: RevisionDraft, CreatedAt: tx.now}
	_, err := tx.execNamed(ctx, `INSERT INTO revisions (id, card_id, status, created_at)
		VALUES (:id, :card_id, :status, :created_at)`, r)
	if err == nil {
		r.Rows, err = tx.putRates(ctx, r.ID, rates)
	}
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE revisions SET row_count = ? WHERE id = ?", r.Rows, r.ID)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("revision of card %s: %w", card, err)
	}
	return r, nil
}

func (tx *Tx) putRates(ctx context.Context, revision string, rates iter.Seq2[Rate, error]) (int64, error) {
	next, stop := iter.Pull2(rates)
	defer stop()
	line := 0
	count, err := tx.store.dialect.bulkInsert(ctx, tx.tx, "rates", rateColumns, func() ([]any, error) {
		rate, err, more := next()
		if !more {
			return nil, io.EOF
		}
		line++
		if err == nil {
			err = rate.Validate()
		}
		if err != nil {
			return nil, fmt.Errorf("rate %d: %w", line, err)
		}
		return rate.columns(revision), nil
	})
	return count, tx.refused(ctx, err)
}

// ActivateRevision makes a draft, scheduled or inactive revision the card's
// active one, all at once: whoever reads the card sees the old or the new one
// whole. The first activation numbers it; the one that was active becomes
// inactive, and what is older than the two newest of those is archived.
// Activating the active one changes nothing.
//
// It returns ErrNotFound when the card or the revision is absent, and
// ErrConflict for one that is held or archived.
func (tx *Tx) ActivateRevision(ctx context.Context, card, id string) (Revision, error) {
	r, err := tx.Revision(ctx, card, id)
	if err != nil || r.Status == RevisionActive {
		return r, err
	}
	if r.Status == RevisionHeld || r.Status == RevisionArchived {
		return Revision{}, fmt.Errorf("revision %s: %w", id, conflict("status", "is "+r.Status))
	}
	if r.Number == 0 {
		r.Number, err = tx.nextNumber(ctx, card)
	}
	if err == nil {
		err = tx.deactivate(ctx, card)
	}
	if err == nil {
		r.Status, r.ActivatedAt, r.DeactivatedAt, r.LiveAt = RevisionActive, tx.now, 0, 0
		_, err = tx.execNamed(ctx, `UPDATE revisions SET status = :status, number = :number, activated_at = :activated_at,
			deactivated_at = NULL, live_at = NULL WHERE id = :id`, r)
	}
	if err == nil {
		err = tx.archive(ctx, card)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("revision %s: %w", id, err)
	}
	return r, nil
}

func (tx *Tx) nextNumber(ctx context.Context, card string) (int, error) {
	last, err := selectOne[Revision](ctx, tx.store.dialect, tx.tx,
		selectRevision+" WHERE card_id = ? AND number IS NOT NULL ORDER BY number DESC LIMIT 1", card)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	return last.Number + 1, nil
}

func (tx *Tx) deactivate(ctx context.Context, card string) error {
	_, err := tx.exec(ctx, "UPDATE revisions SET status = ?, deactivated_at = ? WHERE card_id = ? AND status = ?",
		RevisionInactive, tx.now, card, RevisionActive)
	return err
}

func (tx *Tx) archive(ctx context.Context, card string) error {
	_, err := tx.exec(ctx, `UPDATE revisions SET status = ? WHERE card_id = ? AND status = ? AND id NOT IN (
			SELECT id FROM revisions WHERE card_id = ? AND status = ? ORDER BY deactivated_at DESC, number DESC LIMIT ?)`,
		RevisionArchived, card, RevisionInactive, card, RevisionInactive, switchable)
	return err
}
