package schema

import (
	"reflect"
	"strings"

	"resellerd/store/rating"
	"resellerd/store/valid"
)

// Card is a rate card without its rates, which belong to its revisions. Compact
// and Routing are only for customer cards; "" means DefaultCompact and
// DefaultRouting. Carrier is only for provider cards.
type Card struct {
	ID              string `db:"id,key,filter"`
	TenantID        string `db:"tenant_id,key,filter,hidden"`
	AccountID       string `db:"account_id,fixed,filter,account"` // the owner
	Kind            string `db:"kind,fixed,filter" enum:"provider,customer" description:"the kind as the user sees it: an assigned card is a provider card"`
	Name            string `db:"name,filter" maxLength:"200"` // private to the owner
	PublicName      string `db:"public_name,null,filter" description:"the name that accounts it is assigned to see" maxLength:"200"`
	Carrier         string `db:"carrier,null,filter" description:"of provider cards: the upstream company" maxLength:"200"`
	Currency        string `db:"currency,filter" pattern:"^[A-Z]{3}$" description:"ISO 4217; fixed once the card has a revision"`
	Direction       string `db:"direction,filter" enum:"termination,origination"`
	TechPrefix      string `db:"tech_prefix,null" pattern:"^[0-9#*+]*$" maxLength:"15"`
	RatePrecision   int    `db:"rate_precision" minimum:"0" maximum:"10"` // decimals
	RateRounding    string `db:"rate_rounding" enum:"up,down,half_up,half_down"`
	ChargePrecision int    `db:"charge_precision" minimum:"0" maximum:"10"`
	ChargeRounding  string `db:"charge_rounding" enum:"up,down,half_up,half_down"`
	Notes           string `db:"notes,null,opaque" text:"prose" description:"private to the owner" maxLength:"10000"`
	PublicNotes     string `db:"public_notes,null" text:"prose" maxLength:"10000"`
	Compact         string `db:"compact,null" enum:"min,max,avg" description:"how the prices of several parents are combined"`
	Routing         string `db:"routing,null" enum:"dearest,cheapest" description:"the parent that sales are compared with"`
	ExternalID      string `db:"external_id,null,filter" maxLength:"200"` // unique in the account
	Stale           string `db:"stale,null" enum:"provider_card_changed,provider_card_withdrawn" description:"why an own card should be built again"`
	Version         int64  `db:"version,unlisted"`
	CreatedAt       Micros `db:"created_at,fixed"`
	UpdatedAt       Micros `db:"updated_at"`
}

// NewCard returns the defaults of a card: for termination, four decimals, rounded
// half up.
func NewCard() Card {
	return Card{
		Direction:     "termination",
		RatePrecision: 4, RateRounding: "half_up",
		ChargePrecision: 4, ChargeRounding: "half_up",
	}
}

// CardPatch changes a card. A nil field stays unchanged.
type CardPatch struct {
	Name, PublicName, Carrier, Currency, Direction, TechPrefix *string

	RatePrecision   *int
	RateRounding    *string
	ChargePrecision *int
	ChargeRounding  *string

	Notes, PublicNotes, ExternalID, Compact, Routing *string

	Version int64     // the version to change; 0 for any
	AtLoss  bool      // accept that calls may cost more than they sell for
	Parents *[]Parent `db:"-"`
}

// Parent is a card that a customer card is built from. It is a provider card of
// the same account, or a card that is assigned to the account.
type Parent struct {
	CardID string `db:"parent_id"`
	// Exchange is the value of 1 unit of the parent's currency in the card's
	// currency, as a decimal number. It is "" if both have the same currency.
	Exchange string
	// ExchangeAt is when the owner entered the rate. It changes only with the
	// rate.
	ExchangeAt Micros `db:"exchange_at"`
}

// Rate returns the exchange rate as a number.
func (p Parent) Rate() (rating.Exchange, error) { return rating.ExchangeOf(p.Exchange) }

// Default changes nothing: NewCard has the defaults.
func (c *Card) Default() {}

// Validate returns an ErrInvalid that names every invalid field.
func (c *Card) Validate() error {
	var check valid.Checks
	check.OneOf("kind", c.Kind, ProviderCard, CustomerCard)
	check.Required("name", c.Name, valid.MaxName)
	check.Text("public_name", c.PublicName, valid.MaxName)
	check.Text("carrier", c.Carrier, valid.MaxName)
	if c.Kind == CustomerCard && c.Carrier != "" {
		check.Refuse("carrier", "applies only to provider cards")
	}
	check.Required("currency", c.Currency, valid.MaxName)
	check.Currency("currency", c.Currency)
	check.OneOf("direction", c.Direction, "termination", "origination")
	if len(c.TechPrefix) > valid.MaxPrefix || strings.Trim(c.TechPrefix, "0123456789#*+") != "" {
		check.Refuse("tech_prefix", "must have at most %d characters: digits, #, * and +", valid.MaxPrefix)
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
	if c.Kind != CustomerCard && c.Compact+c.Routing != "" {
		check.Refuse("compact", "and routing apply only to customer cards")
	}
	return check.Err
}

var cardAssignments = setColumn{table: "assignments", Owner: "card_id", Value: "account_id", Timed: true, Later: true}

// Translated is the view in which an account sees a card that is assigned to it:
// as a card of its provider.
const Translated = "translated"

// CardType describes the cards, without their rates.
var CardType = &Type{
	Name: "card", Prefix: "crd_", Table: "cards", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: columnsOf[Card]().withFolded(reflect.TypeFor[Card]()).
		in(Translated, "kind", "'provider'").
		in(Translated, "name", translatedName("@.")).search(Translated, "name", foldedName("'provider card ' || @.id")).
		in(Translated, "carrier", "(SELECT s.public_name FROM accounts s WHERE s.id = @.account_id)").search(Translated, "carrier", ofOwner(foldedOf("public_name"))).
		from("compact", "CASE WHEN @.kind = 'customer' THEN COALESCE(@.compact, '"+DefaultCompact+"') END").
		from("routing", "CASE WHEN @.kind = 'customer' THEN COALESCE(@.routing, '"+DefaultRouting+"') END").
		behind("public_notes", setOf("assigned_to", cardAssignments).policy().refers("account"), document("parents", ParentCards, parentCards)).
		behind("routing", document("profit_rules", RuleList, ruleList)).
		behind("external_id", document("revision", RevisionHead, activeRevision("s.number")).
			inView(Translated, activeRevision("NULL"))),
}
