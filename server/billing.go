package server

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/schema"
)

type billingQuery struct {
	At string `query:"at" format:"date-time" description:"the start of a call; default: now"`
}

type billingBody struct {
	At    string       `json:"at" required:"true" format:"date-time"`
	Items []billedBody `json:"items" required:"true"`
}

// billedBody is a card that the customer was on.
type billedBody struct {
	CardID    string          `json:"card_id" required:"true"`
	ValidFrom string          `json:"valid_from" required:"true" format:"date-time"`
	ValidTo   *string         `json:"valid_to" required:"true" nullable:"true" format:"date-time"`
	Revision  *billedRevision `json:"revision" required:"true" nullable:"true" description:"null if no revision was in force, or it is not kept any more"`
}

// billedRevision is the revision that was in force, and how its card charged then.
type billedRevision struct {
	ID              string  `json:"id" required:"true"`
	ActiveFrom      string  `json:"active_from" required:"true" format:"date-time"`
	ActiveTo        *string `json:"active_to" required:"true" nullable:"true" format:"date-time" description:"null if it still is in force in this way"`
	Currency        string  `json:"currency" required:"true"`
	Direction       string  `json:"direction" required:"true" enum:"termination,origination"`
	RatePrecision   int     `json:"rate_precision" required:"true"`
	RateRounding    string  `json:"rate_rounding" required:"true"`
	ChargePrecision int     `json:"charge_precision" required:"true"`
	ChargeRounding  string  `json:"charge_rounding" required:"true"`
}

// getBilling tells by which cards and revisions the calls of a customer are rated that
// start at a time. Errors: 404 if the reader does not see the customer, 403 if it is not
// shown its cards.
func getBilling(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	customers, err := r.ReadPlan("customer")
	if err != nil {
		return err
	}
	row, err := r.One(r.Store, customers, id)
	if err != nil {
		return err
	}
	if _, shown := row.Value("cards"); !shown {
		return &problem{kind: kindForbidden, reasons: []string{reasonAreaDenied}}
	}
	at, err := r.past("at")
	if err != nil {
		return err
	}
	if at == 0 {
		at = schema.MicrosOf(r.Now())
	}
	all, err := r.Store.BilledAt(r.Ctx, r.Facts.Account.TenantID, id, at)
	if err != nil {
		return err
	}
	items := []billedBody{}
	for i := range all {
		one, shown, err := r.billed(&all[i])
		if err != nil {
			return err
		}
		if shown {
			items = append(items, one)
		}
	}
	body, err := json.Marshal(billingBody{timeText(at), items})
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// billed returns a card as the reader may see it.
func (r *exchange) billed(b *store.Billed) (one billedBody, shown bool, err error) {
	_, q, err := r.revisionsOf(r.Store, b.CardID, false)
	if err != nil {
		if unseen(err) {
			err = nil
		}
		return one, false, err
	}
	one = billedBody{CardID: b.CardID, ValidFrom: timeText(b.From), ValidTo: orNoTime(b.To)}
	if b.RevisionID == "" {
		return one, true, nil
	}
	q.ID, q.Limit = b.RevisionID, 1
	if _, err := r.Single(r.Store, q); err != nil {
		if unseen(err) {
			err = nil
		}
		return one, true, err
	}
	one.Revision = &billedRevision{ID: b.RevisionID, ActiveFrom: timeText(b.Since), ActiveTo: orNoTime(b.Until)}
	of := one.Revision
	_, err = fmt.Sscan(b.Terms, &of.Currency, &of.Direction, &of.RatePrecision, &of.RateRounding, &of.ChargePrecision, &of.ChargeRounding)
	return one, true, err
}

func orNoTime(at schema.Micros) *string {
	if at == 0 {
		return nil
	}
	text := timeText(at)
	return &text
}

func timeText(at schema.Micros) string { return at.Time().Format(time.RFC3339Nano) }
