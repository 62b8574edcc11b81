package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// proofBody compares the selling rates of a revision with the cost of its calls.
type proofBody struct {
	proofTotals
	Items []findingBody `json:"items" nullable:"false" description:"the first findings, in the order of prefixes"`
}

// proofTotals are the last line of a proof as NDJSON.
type proofTotals struct {
	RevisionID string `json:"revision_id"`
	Routing    string `json:"routing" enum:"dearest,cheapest"`
	Compared   int    `json:"compared" description:"parents that the prices were compared with; 0 means that the card has none, so nothing was compared"`
	Prefixes   int    `json:"prefixes" description:"prefixes of both sides that are open for sale"`
	Losing     int    `json:"losing" description:"prefixes on which some call costs more than it sells for"`
	NoRoute    int    `json:"no_route" description:"prefixes that are open for sale where no parent is"`
	Findings   int    `json:"findings" description:"number of findings, one for each prefix"`
}

// findingBody is one problem with a prefix.
type findingBody struct {
	Prefix  string `json:"prefix"`
	SoldBy  string `json:"sold_by" description:"the prefix of the row that sets the price"`
	Problem string `json:"problem" enum:"losing,no_route"`
	*lossBody
	Blocked *bool `json:"blocked,omitempty" description:"for no_route: true if a parent blocks it, false if no parent has it"`
}

type lossBody struct {
	Jurisdictions []string   `json:"jurisdictions" description:"those in which some call loses: indeterminate, inter, intra"`
	Parent        parentName `json:"parent" description:"the parent with the greatest loss"`
	Seconds       *uint32    `json:"seconds" description:"the shortest call that loses in any of them; null if only calls of over two hours lose"`
	Loss          string     `json:"loss" description:"loss on that call in the card's currency; a minute if seconds is null"`
}

type parentName struct {
	CardID string  `json:"card_id"`
	Name   *string `json:"name"`
}

// proofFields documents the body of a proof.
type proofFields struct {
	RevisionID string `json:"revision_id,omitempty" description:"default: the active revision"`
}

type proofQuery struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" description:"findings to show; as NDJSON all are streamed"`
}

// proving is a proof that the reader may ask for.
type proving struct {
	card     string
	revision string
	routing  string
	names    map[string]*string // of the parents, as the reader sees them; by card id
	limit    int
	rates    store.RateAccess
	decided  map[string]bool // whether the reader may read the rates of a card, by its id
}

// postProof compares a revision of a card with the cost of its calls. It changes
// nothing. It refuses a reader who is not shown what the card is built from.
func postProof(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	p, err := r.proving(id)
	if err != nil {
		return err
	}
	if r.media == mediaNDJSON {
		return r.streamProof(p)
	}
	return r.answerProof(p)
}

// proving finds the card as its reader sees it, and reads the request.
func (r *exchange) proving(card string) (*proving, error) {
	cards, err := r.ReadPlan("card")
	if err != nil {
		return nil, err
	}
	row, err := r.One(r.Store, cards, card)
	if err != nil {
		return nil, err
	}
	if row.View == translatedView {
		return nil, notOwn()
	}
	var shown struct {
		Routing  *string       `json:"routing"`
		Parents  *[]parentName `json:"parents"`
		Revision *struct{ ID string }
	}
	if err := json.Unmarshal(row.AppendJSON(nil), &shown); err != nil {
		return nil, fmt.Errorf("card %s: %w", card, err)
	}
	if _, ok := row.Value("parents"); !ok {
		return nil, &problem{kind: kindForbidden, reasons: []string{reasonAreaDenied}}
	}
	p := &proving{
		card: card, routing: or(shown.Routing, ""), names: map[string]*string{},
		rates: r.RateAccess(r.s.store.PolicyRow), decided: map[string]bool{},
	}
	for _, parent := range or(shown.Parents, nil) {
		p.names[parent.CardID] = parent.Name
	}
	if shown.Revision != nil {
		p.revision = shown.Revision.ID
	}
	if err := r.mayProve(p); err != nil {
		return nil, err
	}
	return p, r.readProof(p)
}

const reasonAreaDenied = "area_denied"

// readProof reads the query and the body.
func (r *exchange) readProof(p *proving) error {
	args, err := r.queryArgs()
	if err != nil {
		return err
	}
	p.limit = defaultLimit
	for _, a := range args {
		if a.name != "limit" {
			return invalid(a.name, "is not a known parameter")
		}
		if p.limit, err = strconv.Atoi(a.value); err != nil || p.limit < 1 || p.limit > maxLimit {
			return invalid(a.name, "must be a number from 1 to 1000")
		}
	}
	f, err := r.sent().fields(anyField)
	if err != nil {
		return err
	}
	p.revision = or(f.line("revision_id"), p.revision)
	if err := f.err(); err != nil {
		return err
	}
	if p.revision == "" {
		return invalid("revision_id", "is missing: the card has no active revision")
	}
	return nil
}

func (r *exchange) answerProof(p *proving) error {
	body := proofBody{proofTotals{RevisionID: p.revision, Routing: p.routing}, []findingBody{}}
	leave, err := r.job()
	if err != nil {
		return err
	}
	defer leave()
	ready, err := r.provable(p)
	if err != nil {
		return err
	}
	err = prove(r.Ctx, p, ready, &body.proofTotals, func(f findingBody) error {
		if len(body.Items) < p.limit {
			body.Items = append(body.Items, f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, text)
}

// streamProof sends one finding per line, and the totals as the last line. An
// error that prevents the proof is answered before anything is sent.
func (r *exchange) streamProof(p *proving) error {
	ready, err := r.provable(p)
	if err != nil {
		return err
	}
	return r.stream(mediaNDJSON, func(ctx context.Context, w *bufio.Writer) error {
		body := proofTotals{RevisionID: p.revision, Routing: p.routing}
		lines := json.NewEncoder(w)
		if err := prove(ctx, p, ready, &body, func(f findingBody) error { return lines.Encode(f) }); err != nil {
			return err
		}
		return lines.Encode(body)
	})
}

// prove runs the proof, reports each finding and sets the totals in body.
func prove(ctx context.Context, p *proving, ready *store.PreparedProof, body *proofTotals, report func(findingBody) error) error {
	proof, err := ready.Run(ctx, func(f store.Finding) error {
		body.Findings++
		return report(p.finding(f))
	})
	body.Compared = len(proof.Parents)
	body.Prefixes, body.Losing, body.NoRoute = proof.Prefixes, proof.Losing, proof.NoRoute
	return revisionAbsent(err)
}

// provable prepares the proof, or returns the error that prevents it.
func (r *inquiry) provable(p *proving) (ready *store.PreparedProof, err error) {
	err = r.readRates(r.Ctx, p, func(tx *store.Tx, rates store.RateAccess) error {
		ready, err = tx.PrepareProof(r.Ctx, rates, p.card, p.revision)
		return revisionAbsent(err)
	})
	return ready, err
}

// mayProve refuses a reader who may not read all rates that a proof of the card
// needs.
func (r *inquiry) mayProve(p *proving) error {
	return r.readRates(r.Ctx, p, func(tx *store.Tx, rates store.RateAccess) error {
		return tx.MayProve(r.Ctx, rates, p.card, "")
	})
}

// readRates runs fn on one state of the data. It never asks the policy while fn
// runs: fn holds a connection, and a decision may need another one. If fn lacks
// a decision about a card, readRates decides and runs fn again. fn must
// therefore ask for access before it reads any rate.
func (r *inquiry) readRates(ctx context.Context, p *proving, fn func(*store.Tx, store.RateAccess) error) error {
	for {
		err := r.s.store.Read(ctx, r.Facts.Account.TenantID, func(tx *store.Tx) error { return fn(tx, store.DecidedRates(p.decided)) })
		var undecided *store.UndecidedError
		if !errors.As(err, &undecided) {
			return err
		}
		hidden := p.rates.Reads(ctx, undecided.Card)
		if hidden != nil && !errors.Is(hidden, store.ErrRatesHidden) {
			return hidden
		}
		p.decided[undecided.Card] = hidden == nil
	}
}

// revisionAbsent turns "not found" into a fault of the field revision_id.
func revisionAbsent(err error) error {
	if errors.Is(err, fault.ErrNotFound) {
		return invalid("revision_id", "does not name a revision of the card")
	}
	return err
}

func (p *proving) finding(f store.Finding) findingBody {
	body := findingBody{Prefix: f.Prefix, SoldBy: f.Sold, Problem: f.Problem}
	if f.Problem == store.ProblemNoRoute {
		body.Blocked = &f.Blocked
		return body
	}
	body.lossBody = &lossBody{
		Jurisdictions: f.Jurisdictions.Names(), Parent: parentName{CardID: f.ParentID, Name: p.names[f.ParentID]},
		Loss: string(schema.AppendMoney(nil, f.Loss)),
	}
	if f.Seconds > 0 {
		body.Seconds = &f.Seconds
	}
	return body
}
