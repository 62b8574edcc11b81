package store

import (
	"context"
	"fmt"
	"iter"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// The states of a revision.
const (
	RevisionDraft     = "draft"
	RevisionScheduled = "scheduled"
	RevisionHeld      = "held" // was scheduled, but refused when its time came
	RevisionActive    = "active"
	RevisionInactive  = "inactive" // one of the newest that were active; can be activated again
	RevisionArchived  = "archived"
)

// The origins of a revision's rates.
const (
	OriginImport = "import"
	OriginBuild  = "build"
)

// Revision is one state of a card's rates.
type Revision struct {
	ID            string `db:"id,key"`
	CardID        string `db:"card_id,key,null"` // "" for a revision that is no card's yet, or not any more
	Number        int    `db:"number,null"`      // counts up from 1 within the card; 0 before the first activation
	Status        string
	LiveAt        schema.Micros `db:"live_at,null"`        // when a scheduled revision becomes active, or a draft should
	ActivatedAt   schema.Micros `db:"activated_at,null"`   // the last time
	DeactivatedAt schema.Micros `db:"deactivated_at,null"` // the last time; 0 while active
	Rows          int64         `db:"row_count"`
	Origin        string        `db:"origin,fixed"`        // OriginImport or OriginBuild
	BaseID        string        `db:"base_id,null"`        // the revision that it amends; must be active when this one is first activated
	ScheduledBy   string        `db:"scheduled_by,null"`   // the user who scheduled it last
	ScheduledFrom string        `db:"scheduled_from,null"` // the client address of that user
	// LossesAccepted says of a scheduled revision that calls may sell at a loss, and
	// of an activated one that some did.
	LossesAccepted bool          `db:"losses_accepted"`
	HeldReason     string        `db:"held_reason,null"` // a code, if held
	Terms          string        `db:"terms,null"`       // the card's fields that determine costs, as of the last activation or change
	CreatedAt      schema.Micros `db:"created_at,fixed"`
	MadeBy         string        `db:"made_by,null,unlisted"`      // the user who made it; "" if that is not known
	StagedBy       string        `db:"staged_by,null,unlisted"`    // the work that writes a draft without a card
	StagedUntil    schema.Micros `db:"staged_until,null,unlisted"` // when its lease ends
}

// Rate is the price of one prefix. See schema.Rate.
type Rate = schema.Rate

var rateColumns = append([]string{"revision_id"}, schema.RateType.Names()...)

var revisionsTable = statementsOf[Revision]("revisions")

// Revision reads a revision of a card of the tenant. It returns ErrNotFound if
// either is absent.
func (tx *Tx) Revision(ctx context.Context, card, id string) (Revision, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return Revision{}, err
	}
	if !dialect.Storable(id) {
		return Revision{}, fmt.Errorf("revision: %w", fault.ErrNotFound)
	}
	r, err := dialect.SelectOne[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+" WHERE card_id = ? AND id = ?", card, id)
	if err != nil {
		return Revision{}, fmt.Errorf("revision %s: %w", id, err)
	}
	return r, nil
}

// CreateRevision stores a new draft of a card of the tenant, with all rates of the
// sequence, in any order. An error of the sequence ends it and is returned. It
// returns ErrNotFound for an unknown card, and ErrInvalid for a malformed rate or a
// prefix that occurs twice. After an error, roll the transaction back.
func (tx *Tx) CreateRevision(ctx context.Context, card string, rates iter.Seq2[Rate, error]) (Revision, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return Revision{}, err
	}
	r := Revision{ID: tx.newID("revision"), CardID: card, Status: RevisionDraft, Origin: OriginImport, CreatedAt: tx.now}
	_, err := tx.execNamed(ctx, revisionsTable.insert, r)
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

// SetMaker stores which user made a revision.
func (tx *Tx) SetMaker(ctx context.Context, revision, user string) error {
	_, err := tx.exec(ctx, "UPDATE revisions SET made_by = ? WHERE id = ?", user, revision)
	return err
}

func (tx *Tx) putRates(ctx context.Context, revision string, rates iter.Seq2[Rate, error]) (int64, error) {
	next, stop := iter.Pull2(rates)
	defer stop()
	line, id := 0, any(revision)
	columns, values := make([]any, 0, len(rateColumns)), schema.NewRateValues()
	count, err := tx.store.dialect.BulkInsert(ctx, tx.tx, "rates", rateColumns, func() ([]any, error) {
		rate, err, more := next()
		if !more {
			return nil, nil
		}
		line++
		if err == nil {
			err = rate.Validate()
		}
		if err != nil {
			return nil, fmt.Errorf("rate %d: %w", line, err)
		}
		return values.Append(append(columns, id), &rate), nil
	})
	return count, tx.refused(ctx, err)
}
