package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
)

// rebuildFields documents the body of a rebuild.
type rebuildFields struct {
	IDs          []string `json:"ids,omitempty" description:"only these; default: every stale card of the own account"`
	Activate     bool     `json:"activate,omitempty" description:"prove each and make it the active revision; a card that is only built stays stale"`
	AcceptLosses bool     `json:"accept_losses,omitempty"`
}

// rebuildBody is what came of a rebuild.
type rebuildBody struct {
	Cards   int           `json:"cards" description:"that were stale when it began"`
	Built   int           `json:"built"`
	Fresh   int           `json:"fresh" description:"that were not stale any more when their turn came"`
	Refused int           `json:"refused"`
	Items   []rebuiltBody `json:"items,omitempty"`
}

// rebuiltBody is what came of one card.
type rebuiltBody struct {
	CardID string `json:"card_id"`
	Result string `json:"result" enum:"built,fresh,refused"`
	*builtBody
	*refusalBody
}

type refusalBody struct {
	Code    string   `json:"code" description:"as in a problem's type"`
	Detail  string   `json:"detail,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
}

// rebuilding is a rebuild that was read and may begin.
type rebuilding struct {
	cards   []string
	options buildOptions
}

// postRebuild builds every stale card of the own account anew, each in a
// transaction of its own: what was done stays done when it is cut off, and
// doing it again goes on with the rest.
func postRebuild(r *call) error {
	if err := r.mayArea("create", "card/customer"); err != nil {
		return err
	}
	// That a card is stale tells of what it is built from.
	if err := r.mayArea("read", "card/provider"); err != nil {
		return err
	}
	f, err := r.readFields(anyField)
	if err != nil {
		return err
	}
	only := f.texts("ids")
	b := rebuilding{options: buildOptionsOf(f)}
	if err := f.err(); err != nil {
		return err
	}
	if b.cards, err = r.s.store.StaleCards(r.ctx, r.facts.Account.ID); err != nil {
		return err
	}
	if only != nil {
		b.cards = slices.DeleteFunc(b.cards, func(id string) bool { return !slices.Contains(*only, id) })
	}
	r.c.Vary(fiber.HeaderAccept)
	switch r.c.Accepts(fiber.MIMEApplicationJSON, mediaNDJSON) {
	case mediaNDJSON:
		return r.streamRebuild(b)
	case fiber.MIMEApplicationJSON:
		return r.answerRebuild(b)
	}
	return &problem{kind: kindNotAcceptable}
}

func (r *call) answerRebuild(b rebuilding) error {
	body, err := r.rebuild(b, func(one rebuiltBody, body *rebuildBody) error {
		body.Items = append(body.Items, one)
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

// endWith has what is done for the request end with ctx.
func (r *call) endWith(ctx context.Context) { r.ctx = ctx }

// streamRebuild sends a line a card as it is done, and last what they come to.
func (r *call) streamRebuild(b rebuilding) error {
	own := *r // outlives the request, which it must not touch
	own.c = nil
	return r.stream(mediaNDJSON, func(ctx context.Context, w *bufio.Writer) error {
		own.endWith(ctx)
		lines := json.NewEncoder(w)
		body, err := own.rebuild(b, func(one rebuiltBody, _ *rebuildBody) error {
			if err := lines.Encode(one); err != nil {
				return err
			}
			return w.Flush()
		})
		if err != nil {
			return err
		}
		return lines.Encode(body)
	})
}

// rebuild goes through the cards. What is refused to one does not stop the
// others; a database that is gone, or a reader that is, does.
func (r *call) rebuild(b rebuilding, tell func(rebuiltBody, *rebuildBody) error) (rebuildBody, error) {
	body := rebuildBody{Cards: len(b.cards)}
	for _, card := range b.cards {
		one, err := r.rebuildCard(card, b.options)
		if err != nil {
			return body, err
		}
		switch one.Result {
		case "built":
			body.Built++
		case "fresh":
			body.Fresh++
		default:
			body.Refused++
		}
		if err := tell(one, &body); err != nil {
			return body, err
		}
	}
	return body, nil
}

func (r *call) rebuildCard(card string, o buildOptions) (rebuiltBody, error) {
	one := rebuiltBody{CardID: card, Result: "fresh"}
	err := r.s.store.Write(r.ctx, r.facts.Account.TenantID, func(tx *store.Tx) error {
		w := &writing{r: r, tx: tx}
		if err := w.reload(); err != nil {
			return err
		}
		stored, err := tx.Card(r.ctx, card)
		if err != nil || stored.Stale == "" {
			return err
		}
		built, err := w.rebuild(card, o)
		if err == nil {
			made := bodyOfBuilt(built)
			one.Result, one.builtBody = "built", &made
		}
		return err
	})
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return one, nil
	}
	p := problemOf(err)
	if p.kind.status >= fiber.StatusInternalServerError || p.kind.code == kindUnknownUser.code {
		return one, err
	}
	return rebuiltBody{CardID: card, Result: "refused", refusalBody: &refusalBody{Code: p.kind.code, Detail: p.detail, Reasons: p.reasons}}, nil
}

func (w *writing) rebuild(card string, o buildOptions) (store.Built, error) {
	before, err := w.see("card", card)
	if err != nil {
		return store.Built{}, err
	}
	if err := w.mayBuild(card, o); err != nil {
		return store.Built{}, err
	}
	built, err := w.build(card, o)
	if err != nil {
		return built, err
	}
	_, err = w.wasBuilt(card, built, before)
	return built, err
}
