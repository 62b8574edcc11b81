package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"resellerd/server/session"
	"resellerd/store/cardfile"
	"resellerd/store/cardfile/export"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// getRates answers with the rates of a card: one page as JSON, or the whole card
// as a stream of CSV, NDJSON, XLSX or open rate card JSON. The reader sees the
// rates as it sees the card.
func getRates(r *exchange) error {
	card, err := r.param("id")
	if err != nil {
		return err
	}
	head, q, shown, apart, err := r.ratesOf(card)
	if err != nil {
		return err
	}
	switch r.media {
	case cardfile.MediaXLSX:
		return r.streamList(cardfile.MediaXLSX, head.file("xlsx"), q, shown, rateFile(head, r.s.now(), export.XLSX), apart...)
	case cardfile.MediaJSON:
		date, err := r.dateOf(card, head)
		if err != nil {
			return err
		}
		return r.streamList(cardfile.MediaJSON, head.file("json"), q, shown, rateFile(head, date, export.JSON), apart...)
	}
	return r.answerRows(q, shown, head.file(""), apart...)
}

// cardHead holds the card's columns that go into a file of rates, as the reader
// sees them.
type cardHead struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	Currency        string `json:"currency"`
	Direction       string `json:"direction"`
	RatePrecision   int    `json:"rate_precision"`
	RateRounding    string `json:"rate_rounding"`
	ChargePrecision int    `json:"charge_precision"`
	ChargeRounding  string `json:"charge_rounding"`
	Revision        *struct {
		ActivatedAt time.Time `json:"activated_at"`
	} `json:"revision"`
	at schema.Micros // the requested time; 0 for now
	of string        // the requested revision; "" for the active one
}

// file names a file after the card, as the reader sees it.
func (h cardHead) file(ending string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) || r == 0x7F {
			return '_'
		}
		return r
	}, h.Name)
	if name = strings.Trim(name, ". "); name == "" {
		name = h.ID
	}
	return name + "." + ending
}

// rateFile writes a file that also holds the card's columns and the date of
// its rates.
func rateFile(h cardHead, date time.Time, write func(io.Writer, export.Card, []string, export.Rows) error) fileWriter {
	c := export.Card{
		Name: h.Name, Currency: h.Currency, Direction: h.Direction, RatePrecision: h.RatePrecision, RateRounding: h.RateRounding,
		ChargePrecision: h.ChargePrecision, ChargeRounding: h.ChargeRounding, Date: date,
	}
	return func(w *bufio.Writer, columns []string, each func(func(query.Row) error) error) error {
		return write(w, c, columns, rowCells(columns, each))
	}
}

// dateOf returns the time since when the requested rates are in force, or for
// which they are scheduled. It returns now if the reader is not shown that time.
func (r *inquiry) dateOf(card string, h cardHead) (time.Time, error) {
	switch {
	case h.at != 0:
		return h.at.Time(), nil
	case h.of != "":
		return r.dateOfRevision(card, h.of)
	case h.Revision != nil && !h.Revision.ActivatedAt.IsZero():
		return h.Revision.ActivatedAt, nil
	}
	return r.s.now(), nil
}

func (r *inquiry) dateOfRevision(card, revision string) (time.Time, error) {
	_, q, err := r.revisionsOf(r.Store, card, false)
	if err == nil {
		q.ID, q.Limit = revision, 1
		var row query.Row
		if row, err = r.Single(r.Store, q); err == nil {
			return dateShown(row, r.s.now())
		}
	}
	if unseen(err) {
		return r.s.now(), nil
	}
	return time.Time{}, err
}

func dateShown(revision query.Row, now time.Time) (time.Time, error) {
	var shown struct {
		ActivatedAt *time.Time `json:"activated_at"`
		LiveAt      *time.Time `json:"live_at"`
	}
	if err := json.Unmarshal(revision.AppendJSON(nil), &shown); err != nil {
		return now, fmt.Errorf("revision: %w", err)
	}
	for _, at := range []*time.Time{shown.ActivatedAt, shown.LiveAt} {
		if at != nil {
			return *at, nil
		}
	}
	return now, nil
}

// ratesOf finds the card as its reader sees it (404), decides whether its rates
// may be read (403), and returns the query for them. It also returns the names
// of the parameters that it has read. revision names a revision other than the
// active one; it works only on the reader's own side of the card. at is the time
// at which the rates were in force.
func (r *exchange) ratesOf(card string) (head cardHead, q query.Query, shown map[string]schema.ColumnInfo, apart []string, err error) {
	cards, err := r.ReadPlan("card")
	if err != nil {
		return head, q, nil, nil, err
	}
	row, err := r.One(r.Store, cards, card)
	if err != nil {
		return head, q, nil, nil, err
	}
	if err := json.Unmarshal(row.AppendJSON(nil), &head); err != nil {
		return head, q, nil, nil, fmt.Errorf("card %s: %w", card, err)
	}
	rates, err := r.ratePlan(cards, card)
	if err != nil {
		return head, q, nil, nil, err
	}
	q, apart = rates.Query(), []string{"at"}
	q.Parent, q.Viewer = card, r.Facts.Account.ID
	if row.View != translatedView {
		q.Revision, apart = r.query("revision"), append(apart, "revision")
	}
	if q.At, err = r.past("at"); err == nil && q.At != 0 && q.Revision != "" {
		err = invalid("at", "cannot be combined with revision")
	}
	if err == nil {
		err = r.hasRates(q)
	}
	head.at, head.of = q.At, q.Revision
	return head, q, shownColumns("rate", rates.Plan), apart, err
}

// hasRates refuses a revision that the card does not have. The answer is that to a
// request for the revision itself: 404.
func (r *exchange) hasRates(q query.Query) error {
	if q.Revision == "" {
		return nil
	}
	q.Limit = 1
	page, err := r.s.store.List(r.Ctx, q)
	if err == nil && page.Revision == "" {
		err = notFound()
	}
	return err
}

// ratePlan is ReadPlan for the rates of a card that the reader sees. If the policy
// refuses these rates, it returns the reasons of the decision about them.
func (r *inquiry) ratePlan(cards session.ReadPlan, card string) (session.ReadPlan, error) {
	rates, err := r.MayList("rate")
	if err != nil {
		return session.ReadPlan{}, err
	}
	if rates != nil && rates.Plan.Text().Filter == cards.Plan.Text().Filter {
		return *rates, nil // the reader sees the rates of each card that it sees
	}
	in := r.Input("read", "rate", card)
	if in.Resource.Row, err = r.s.store.PolicyRow(r.Ctx, "rate", card); err != nil {
		return session.ReadPlan{}, err
	}
	switch d := r.Decide(in); {
	case !d.Allow:
		return session.ReadPlan{}, session.DeniedOpenly(d)
	case rates == nil:
		return session.ReadPlan{}, notFound() // the user's rights have changed meanwhile
	}
	return *rates, nil
}

// past reads a parameter with a time that is not in the future, and for which rates are kept,
// whether a card had some then or not. It returns 0 if the parameter is absent. Errors: 422.
func (r *exchange) past(name string) (schema.Micros, error) {
	text := r.query(name)
	if text == "" && !r.c.Request().URI().QueryArgs().Has(name) {
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	switch {
	case err != nil:
		return 0, invalid(name, "must be a time in the format of RFC 3339")
	case at.After(r.s.now()):
		return 0, invalid(name, "is in the future")
	case r.s.cfg.Keep.Revisions > 0 && at.Before(r.s.now().Add(-r.s.cfg.Keep.Revisions)):
		return 0, invalid(name, "is before the time from which on rates are kept: they are kept for "+r.s.cfg.Keep.Revisions.String())
	}
	if moment := schema.Micros(at.UnixMicro()); moment != 0 {
		return moment, nil
	}
	return -1, nil // just before 1970, because 0 means absent
}
