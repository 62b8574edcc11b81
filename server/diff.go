package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// rateText is a rate without its prefix, which stands beside it.
type rateText struct {
	values []any // in the order of schema.RateType
}

// MarshalJSON implements json.Marshaler.
func (t rateText) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, c := range schema.RateType.Columns {
		if schema.RateType.IsKey(&c) || !c.Show {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = query.AppendValue(append(text, c.Field...), c.Kind, t.values[i])
	}
	return append(text, '}'), nil
}

func newRateText(values []any) *rateText {
	if values == nil {
		return nil
	}
	return &rateText{values: values}
}

func newRateChange(c store.RateChange) rateChange {
	return rateChange{Prefix: c.Prefix, Change: c.Change, Before: newRateText(c.Before), After: newRateText(c.After)}
}

// diff is a request to compare two revisions of a card.
type diff struct {
	rates       store.RateAccess
	card, after string
	before      string // "" if the card has no active revision: then everything is new
	behind      string // the last prefix of the page before
	question    string
	limit       int
	count       bool
}

// getDiff answers with the changes that a revision makes: one page as JSON, or
// all of them as a stream of NDJSON. It answers 404 to a reader who sees the
// card in translation.
func getDiff(r *exchange) error {
	d, err := r.diffAsked()
	if err != nil {
		return err
	}
	if r.media == mediaNDJSON {
		if err := r.wholeStream("cursor", "limit", "count"); err != nil {
			return err
		}
		return r.streamDiff(d)
	}
	return r.pageDiff(d)
}

// diffAsked finds the card and its revisions as the reader sees them, and
// decides whether the reader may read their rates.
func (r *exchange) diffAsked() (diff, error) {
	card, revision, err := r.revisionParams()
	if err != nil {
		return diff{}, err
	}
	if err := r.ownSide(card); err != nil {
		return diff{}, err
	}
	if err := r.seesRevision(card, revision); err != nil {
		return diff{}, err
	}
	d := diff{rates: r.RateAccess(r.s.store.PolicyRow), card: card, after: revision}
	if err := d.rates.Reads(r.Ctx, card); err != nil {
		return diff{}, err
	}
	return d, r.readDiff(&d)
}

// seesRevision answers 404 for a revision that the reader is not shown.
func (r *inquiry) seesRevision(card, revision string) error {
	_, q, err := r.revisionsOf(r.Store, card, false)
	if err != nil {
		return err
	}
	q.ID, q.Limit = revision, 1
	_, err = r.Single(r.Store, q)
	return err
}

// readDiff reads the query. A cursor also holds the revision to compare with, so
// that all pages compare the same two revisions.
func (r *exchange) readDiff(d *diff) error {
	p, err := r.readParams(nil, "with")
	if err != nil {
		return err
	}
	d.question, d.limit, d.count = p.question, p.limit, p.count
	if p.cursor != "" {
		at, before, err := r.openCursor(p.question, p.cursor)
		if err != nil {
			return err
		}
		d.behind, d.before = at.ID, before
		return nil
	}
	if d.before = r.query("with"); d.before == "" {
		d.before, err = r.s.store.ActiveRevision(r.Ctx, d.card)
		return err
	}
	if err := r.seesRevision(d.card, d.before); err != nil {
		if absent(err) {
			return invalid("with", "does not name a revision of the card")
		}
		return err
	}
	return nil
}

var errPageFull = errors.New("page full")

// pageDiff answers {"items":[…],"next":"…","sum":{…}}. It sends next only if
// there are more changes, and sum only with ?count=true.
func (r *exchange) pageDiff(d diff) error {
	leave, err := r.job()
	if err != nil {
		return err
	}
	defer leave()
	body := diffBody{Items: []rateChange{}}
	_, err = r.s.store.Diff(r.Ctx, d.rates, d.card, d.before, d.after, d.behind, func(c store.RateChange) error {
		if len(body.Items) == d.limit {
			return errPageFull
		}
		body.Items = append(body.Items, newRateChange(c))
		return nil
	})
	if errors.Is(err, errPageFull) {
		last := &query.Cursor{ID: body.Items[d.limit-1].Prefix}
		body.Next, err = r.sealCursor(d.question, last, d.before)
	}
	if err == nil && d.count {
		var sum store.DiffSum
		sum, err = r.s.store.Diff(r.Ctx, d.rates, d.card, d.before, d.after, "", nil)
		text := diffSum(sum)
		body.Sum = &text
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, text)
}

// streamDiff sends one change per line, and {"sum":{…}} as the last line. A
// stream without that line is incomplete.
func (r *exchange) streamDiff(d diff) error {
	s := r.s.store
	return r.stream(mediaNDJSON, func(ctx context.Context, w *bufio.Writer) error {
		lines := json.NewEncoder(w)
		sum, err := s.Diff(ctx, d.rates, d.card, d.before, d.after, "", func(c store.RateChange) error { return lines.Encode(newRateChange(c)) })
		if err != nil {
			return err
		}
		return lines.Encode(map[string]diffSum{"sum": diffSum(sum)})
	})
}
