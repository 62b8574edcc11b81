package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"resellerd/store/schema"
	"resellerd/store/valid"
)

// Card is a rate card without its rates, which hang on its revisions.
type Card struct {
	ID              string `db:"id,key"`
	TenantID        string `db:"tenant_id,key"`
	AccountID       string `db:"account_id,fixed"` // its owner
	Kind            string `db:"kind,fixed"`       // ProviderCard or CustomerCard
	Name            string // private to the owner
	PublicName      string `db:"public_name,null"` // its name where it is assigned to
	Carrier         string `db:"carrier,null"`     // provider cards only: the upstream company
	Currency        string // ISO 4217; fixed once the card has a revision
	Direction       string // "termination" or "origination"
	TechPrefix      string `db:"tech_prefix,null"`
	RatePrecision   int    `db:"rate_precision"` // decimals, 0 to 10
	RateRounding    string `db:"rate_rounding"`  // up, down, half_up or half_down
	ChargePrecision int    `db:"charge_precision"`
	ChargeRounding  string `db:"charge_rounding"`
	Notes           string `db:"notes,null"` // private to the owner
	PublicNotes     string `db:"public_notes,null"`
	ExternalID      string `db:"external_id,null"` // unique in the account
	Stale           string `db:"stale,null"`       // why it should be built anew; "" when it need not be
	Compact         string `db:"compact,null"`     // customer cards only: min, max or avg of the parents; "" for DefaultCompact
	Routing         string `db:"routing,null"`     // customer cards only: dearest or cheapest parent; "" for DefaultRouting
	Version         int64
	CreatedAt       schema.Micros `db:"created_at,fixed"`
	UpdatedAt       schema.Micros `db:"updated_at"`
}

// NewCard holds what a card is unless told otherwise: for termination, four
// decimals, rounded half up.
func NewCard() Card {
	return Card{
		Direction:     "termination",
		RatePrecision: 4, RateRounding: "half_up",
		ChargePrecision: 4, ChargeRounding: "half_up",
	}
}

// CardPatch changes a card; nil leaves a field as it is.
type CardPatch struct {
	Name, PublicName, Carrier, Currency, Direction, TechPrefix *string

	RatePrecision   *int
	RateRounding    *string
	ChargePrecision *int
	ChargeRounding  *string

	Notes, PublicNotes, ExternalID, Compact, Routing *string

	Version int64     // the version that is changed; 0 for any
	AtLoss  bool      // calls may then cost more than they sell for
	Parents *[]Parent `db:"-"`
}

// Validate returns an ErrInvalid that names the first field at fault.
func (c *Card) Validate() error {
	var check valid.Checks
	check.OneOf("kind", c.Kind, schema.ProviderCard, schema.CustomerCard)
	check.Required("name", c.Name, valid.MaxName)
	check.Text("public_name", c.PublicName, valid.MaxName)
	check.Text("carrier", c.Carrier, valid.MaxName)
	if c.Kind == schema.CustomerCard && c.Carrier != "" {
		check.Refuse("carrier", "belongs to provider cards alone")
	}
	check.Required("currency", c.Currency, valid.MaxName)
	check.Currency("currency", c.Currency)
	check.OneOf("direction", c.Direction, "termination", "origination")
	if len(c.TechPrefix) > valid.MaxPrefix || strings.Trim(c.TechPrefix, "0123456789#*+") != "" {
		check.Refuse("tech_prefix", "is not up to %d digits, #, * and +", valid.MaxPrefix)
	}
	check.Precision("rate_precision", c.RatePrecision)
	check.Rounding("rate_rounding", c.RateRounding)
	check.Precision("charge_precision", c.ChargePrecision)
	check.Rounding("charge_rounding", c.ChargeRounding)
	check.Text("notes", c.Notes, valid.MaxNotes)
	check.Text("public_notes", c.PublicNotes, valid.MaxNotes)
	check.Text("external_id", c.ExternalID, valid.MaxID)
	check.Text("stale", c.Stale, valid.MaxName)
	if c.Compact != "" {
		check.OneOf("compact", c.Compact, "min", "max", "avg")
	}
	if c.Routing != "" {
		check.OneOf("routing", c.Routing, "dearest", "cheapest")
	}
	if c.Kind != schema.CustomerCard && c.Compact+c.Routing != "" {
		check.Refuse("compact", "and routing belong to customer cards alone")
	}
	return check.Err
}

var cardsTable = statementsOf[Card]("cards")

// Card reads a card of the tenant; ErrNotFound if there is none.
func (tx *Tx) Card(ctx context.Context, id string) (Card, error) {
	return own[Card](ctx, tx, "card", cardsTable.query, id)
}

// CreateCard stores a new card of c.AccountID; start from NewCard. Id, tenant,
// version and times are set here. It returns ErrInvalid for a malformed field
// or an unknown account, and ErrConflict for an external id that is taken in
// the account.
func (tx *Tx) CreateCard(ctx context.Context, c Card) (Card, error) {
	c.ID, c.TenantID, c.Version, c.CreatedAt, c.UpdatedAt = tx.store.newID("card"), tx.tenant, 1, tx.now, tx.now
	if err := errors.Join(c.Validate(), tx.owner(ctx, c.AccountID)); err != nil {
		return Card{}, fmt.Errorf("card: %w", err)
	}
	_, err := tx.execNamed(ctx, cardsTable.insert, c)
	if err != nil {
		return Card{}, fmt.Errorf("card: %w", err)
	}
	return c, nil
}

// UpdateCard changes a card of the tenant and returns it as it is then. The
// change has an effect on the prices and costs of calls at once. Therefore the
// active revision is proved again, against the parents as they are then, and
// cards that are built from this one become stale. For Parents see SetParents.
//
// It returns
//   - ErrNotFound
//   - ErrRatesHidden, as MayProve does, before anything is compared
//   - ErrInvalid
//   - ErrConflict when the version has moved on, the external id is taken, or a
//     revision fixes the currency
//   - ErrConflict, with a reason, when calls on the active revision would sell at
//     a loss or have no cost to compare with
func (tx *Tx) UpdateCard(ctx context.Context, rates RateAccess, id string, patch CardPatch) (Card, error) {
	c, err := tx.Card(ctx, id)
	if err != nil {
		return Card{}, err
	}
	if err := current("card", id, c.Version, patch.Version); err != nil {
		return Card{}, err
	}
	before := c
	Apply(&patch, &c)
	c.Version, c.UpdatedAt = c.Version+1, tx.now
	if err := c.Validate(); err != nil {
		return Card{}, fmt.Errorf("card %s: %w", id, err)
	}
	_, err = tx.execNamed(ctx, cardsTable.update, c)
	if err == nil && patch.Parents != nil {
		err = tx.setParents(ctx, rates, &c, *patch.Parents, patch.AtLoss)
	}
	if err == nil {
		err = tx.applyChargeChange(ctx, rates, &before, &c, patch.AtLoss)
	}
	if err != nil {
		return Card{}, fmt.Errorf("card %s: %w", id, err)
	}
	return tx.Card(ctx, id)
}

// DeleteCard deletes a card of the tenant, of the given version (0 for any),
// with its assignments, revisions and rates. It returns ErrNotFound, or
// ErrConflict when the card has an active revision or the version has moved
// on.
func (tx *Tx) DeleteCard(ctx context.Context, id string, version int64) error {
	return tx.dropOwn(ctx, "card", "cards", id, version)
}
