package server

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

type billingQuery struct {
	At     string `query:"at" format:"date-time" description:"the start of a call; default: now"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" description:"next of another page, which is about the same time"`
}

type billingBody struct {
	At    string       `json:"at" required:"true" format:"date-time"`
	Items []billedBody `json:"items" required:"true"`
	Next  string       `json:"next,omitempty"`
}

// billedBody is a card that the customer was on.
type billedBody struct {
	CardID    string         `json:"card_id" required:"true"`
	ValidFrom string         `json:"valid_from" required:"true" format:"date-time"`
	ValidTo   *string        `json:"valid_to" required:"true" nullable:"true" format:"date-time"`
	Revision  *billedColumns `json:"revision" required:"true" nullable:"true" description:"null if no revision was in force that the user sees, or it is not kept any more"`
}

// billedColumns are the revision that was in force, and how its card charged then. Columns
// that the reader is not shown of the revision and of the card now are absent.
type billedColumns struct {
	ID              string   `json:"id" required:"true"`
	ActiveFrom      *string  `json:"active_from,omitempty" format:"date-time"`
	ActiveTo        **string `json:"active_to,omitempty" nullable:"true" format:"date-time" description:"null if it still is in force in this way"`
	Currency        *string  `json:"currency,omitempty"`
	Direction       *string  `json:"direction,omitempty" enum:"termination,origination"`
	RatePrecision   *int     `json:"rate_precision,omitempty"`
	RateRounding    *string  `json:"rate_rounding,omitempty"`
	ChargePrecision *int     `json:"charge_precision,omitempty"`
	ChargeRounding  *string  `json:"charge_rounding,omitempty"`
}

// getBilling tells by which cards and revisions the calls of a customer are rated that
// start at a time. Errors: 404 if the reader does not see the customer, 403 if it is not
// shown its cards.
func getBilling(r *exchange) error {
	id, err := r.customerWithCards()
	if err != nil {
		return err
	}
	p, err := r.readParams(map[string]schema.ColumnInfo{}, "at")
	if err == nil && p.count {
		err = invalid("count", "is not a known parameter")
	}
	if err != nil {
		return err
	}
	at, err := r.past("at")
	if err != nil {
		return err
	}
	if at == 0 {
		at = schema.MicrosOf(r.Now())
	}
	after := ""
	if p.cursor != "" {
		began, _, err := r.openCursor(p.question, p.cursor)
		if err != nil {
			return err
		}
		moment, _ := began.Key.(int64)
		at, after = schema.Micros(moment), began.ID
	}
	answer := billingBody{At: timeText(at)}
	if answer.Items, err = r.billed(id, at, after, p.limit+1); err != nil {
		return err
	}
	if len(answer.Items) > p.limit {
		answer.Items = answer.Items[:p.limit]
		last := &query.Cursor{Key: int64(at), ID: answer.Items[p.limit-1].CardID}
		if answer.Next, err = r.sealCursor(p.question, last, ""); err != nil {
			return err
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// billedCards is the least number of cards that are read at once, so that the time of an
// answer does not tell how many cards the reader does not see.
const billedCards = 100

// billed returns the first cards after one that the customer was on at a time, as the reader
// may see them. All of it is read in one snapshot.
func (r *exchange) billed(customer string, at schema.Micros, after string, limit int) (items []billedBody, err error) {
	items = []billedBody{}
	cards, err := r.MayList("card")
	if err != nil || cards == nil || !cards.Sees("id") {
		return items, err
	}
	revisions, err := r.MayList("revision")
	if err != nil {
		return nil, err
	}
	round := max(limit, billedCards)
	err = r.Store.Snapshot(r.Ctx, r.Facts.Account.TenantID, func(m *store.Moment) error {
		for more := true; more && len(items) < limit; {
			some, err := m.BilledAt(r.Ctx, customer, at, after, round)
			if err != nil || len(some) == 0 {
				return err
			}
			after, more = some[len(some)-1].CardID, len(some) == round
			ids, shown := make([]string, len(some)), map[string]query.Row{}
			for i := range some {
				ids[i] = some[i].CardID
			}
			if err := r.rowsByID(m, cards, ids, func(row query.Row) { shown[row.ID()] = row }); err != nil {
				return err
			}
			for i := range some {
				card, is := shown[some[i].CardID]
				if !is || card.View == translatedView || len(items) == limit {
					continue
				}
				one, err := r.billedOn(m, &some[i], card, revisions)
				if err != nil {
					return err
				}
				items = append(items, one)
			}
		}
		return nil
	})
	return items, err
}

// billedOn returns a card and its revision as the reader may see them.
func (r *exchange) billedOn(m *store.Moment, b *store.Billed, card query.Row, revisions *session.ReadPlan) (billedBody, error) {
	one := billedBody{CardID: b.CardID, ValidFrom: timeText(b.From), ValidTo: orNoTime(b.To)}
	if b.RevisionID == "" || revisions == nil {
		return one, nil
	}
	q := revisions.Query()
	q.Parent, q.ID, q.Limit = b.CardID, b.RevisionID, 1
	revision, err := r.Single(m, q)
	if unseen(err) {
		return one, nil
	}
	if err != nil {
		return one, err
	}
	one.Revision, err = columnsBilled(b, card, revision)
	return one, err
}

// columnsBilled returns the revision that was in force, and how the card charged then. It
// leaves out columns that the reader is not shown of the revision and of the card.
func columnsBilled(b *store.Billed, card, revision query.Row) (*billedColumns, error) {
	then := billedColumns{ID: b.RevisionID}
	var currency, direction, rateRounding, chargeRounding string
	var ratePrecision, chargePrecision int
	if _, err := fmt.Sscan(b.Terms, &currency, &direction, &ratePrecision, &rateRounding, &chargePrecision, &chargeRounding); err != nil {
		return nil, fmt.Errorf("revision %s: %w", b.RevisionID, err)
	}
	showAs(revision, "activated_at", &then.ActiveFrom, timeText(b.Since))
	showAs(revision, "deactivated_at", &then.ActiveTo, orNoTime(b.Until))
	showAs(card, "currency", &then.Currency, currency)
	showAs(card, "direction", &then.Direction, direction)
	showAs(card, "rate_precision", &then.RatePrecision, ratePrecision)
	showAs(card, "rate_rounding", &then.RateRounding, rateRounding)
	showAs(card, "charge_precision", &then.ChargePrecision, chargePrecision)
	showAs(card, "charge_rounding", &then.ChargeRounding, chargeRounding)
	return &then, nil
}

// showAs sets a value if the row shows the column.
func showAs[T any](row query.Row, column string, to **T, value T) {
	if _, shown := row.Value(column); shown {
		*to = &value
	}
}

func orNoTime(at schema.Micros) *string {
	if at == 0 {
		return nil
	}
	text := timeText(at)
	return &text
}

func timeText(at schema.Micros) string { return at.Time().Format(time.RFC3339Nano) }
