package server

import (
	"bufio"
	"context"
	"encoding/json"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
)

// rebuildFields documents the body of a rebuild.
type rebuildFields struct {
	IDs          []string `json:"ids,omitempty" description:"only these cards; default: every stale card of the user's account"`
	Activate     bool     `json:"activate,omitempty" description:"prove each revision and activate it. A card that is only built stays stale. It is not built again until one of its parents or settings changes"`
	AcceptLosses bool     `json:"accept_losses,omitempty"`
}

// rebuildBody counts the results of a rebuild.
type rebuildBody struct {
	Cards   int           `json:"cards" description:"cards that were stale at the beginning"`
	Built   int           `json:"built"`
	Already int           `json:"already_built" description:"cards that already had a draft or scheduled revision from the same parents"`
	Fresh   int           `json:"fresh" description:"cards that were no longer stale when the rebuild reached them"`
	Refused int           `json:"refused"`
	Items   []rebuiltBody `json:"items,omitempty"`
}

// count adds the result of one card.
func (b *rebuildBody) count(result string) {
	switch result {
	case resultBuilt:
		b.Built++
	case resultAlready:
		b.Already++
	case resultFresh:
		b.Fresh++
	default:
		b.Refused++
	}
}

// The results for one card.
const (
	resultBuilt   = "built"
	resultAlready = "already_built" // built earlier; activated if the body asks for it
	resultFresh   = "fresh"         // not stale, or absent, at its turn
	resultRefused = "refused"
)

// rebuiltBody is the result for one card.
type rebuiltBody struct {
	CardID string `json:"card_id"`
	Result string `json:"result" enum:"built,already_built,fresh,refused"`
	*builtBody
	*refusalBody
}

type refusalBody struct {
	Code    string   `json:"code" description:"the code at the end of a problem's type"`
	Detail  string   `json:"detail,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
}

// rebuilding is a rebuild that was read and may start.
type rebuilding struct {
	cards   []string
	options buildOptions
}

// postRebuild builds every stale card of the own account that the user is shown
// as stale. Each card has its own transaction. If the request is cut off,
// finished cards stay built, and a second request continues with the rest.
func postRebuild(r *exchange) error {
	if err := r.mayArea("create", "card/customer"); err != nil {
		return err
	}
	// That a card is stale reveals something about its parents.
	if err := r.mayArea("read", "card/provider"); err != nil {
		return err
	}
	if !r.CostsShown().Own {
		return store.ErrRatesHidden
	}
	if _, err := r.isDryRun(); err != nil {
		return err
	}
	f, err := r.sent().fields(anyField)
	if err != nil {
		return err
	}
	only := f.texts("ids")
	b := rebuilding{options: buildOptionsOf(f)}
	if err := f.err(); err != nil {
		return err
	}
	if b.cards, err = r.shownStale(only); err != nil {
		return err
	}
	if r.media == mediaNDJSON {
		return r.streamRebuild(b)
	}
	return r.answerRebuild(b)
}

// shownStale lists the own cards that the user is shown as stale, as a list of
// cards shows them. If only is given, it lists only these cards. It does not
// mention other cards, and they are not changed.
func (r *inquiry) shownStale(only *[]string) (ids []string, err error) {
	cards, err := r.ReadPlan("card")
	if err != nil {
		return nil, err
	}
	all, err := r.s.store.StaleCards(r.Ctx, r.Facts.Account.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range all {
		if only != nil && !slices.Contains(*only, id) {
			continue
		}
		row, err := r.One(r.Store, cards, id)
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if why, shown := row.Value("stale"); shown && why != nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (r *exchange) answerRebuild(b rebuilding) error {
	leave, err := r.job()
	if err != nil {
		return err
	}
	defer leave()
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

// endWith makes the work for the request end with ctx.
func (r *inquiry) endWith(ctx context.Context) { r.Ctx = ctx }

// streamRebuild sends one line per card when it is done, and the totals as the
// last line.
func (r *exchange) streamRebuild(b rebuilding) error {
	own := r.inquiry // outlives the request
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

// rebuild builds the cards one by one. A refusal for one card does not stop the
// others. A failed database or a reader who is gone stops it.
func (r *inquiry) rebuild(b rebuilding, tell func(rebuiltBody, *rebuildBody) error) (rebuildBody, error) {
	body := rebuildBody{Cards: len(b.cards)}
	for _, card := range b.cards {
		one, err := r.rebuildCard(card, b.options)
		if err != nil {
			return body, err
		}
		body.count(one.Result)
		if err := tell(one, &body); err != nil {
			return body, err
		}
	}
	return body, nil
}

func (r *inquiry) rebuildCard(card string, o buildOptions) (one rebuiltBody, err error) {
	err = r.s.store.WriteLong(r.Ctx, r.Facts.Account.TenantID, func(tx *store.Tx) error {
		w := &writing{r: r, tx: tx}
		if err := w.reload(); err != nil {
			return err
		}
		one, err = w.rebuild(card, o)
		return err
	})
	if err == nil {
		return one, nil
	}
	p := problemOf(err)
	if p.kind.status >= fiber.StatusInternalServerError || p.kind.code == kindUnknownUser.code {
		return one, err
	}
	return rebuiltBody{CardID: card, Result: resultRefused, refusalBody: &refusalBody{Code: p.kind.code, Detail: p.detail, Reasons: p.reasons}}, nil
}

// rebuild builds one card, unless it is no longer stale or is built already. A
// card that is gone, or that the user no longer sees, counts as fresh.
func (w *writing) rebuild(card string, o buildOptions) (rebuiltBody, error) {
	if !w.r.CostsShown().Own {
		return rebuiltBody{}, store.ErrRatesHidden
	}
	before, err := w.see("card", card)
	if absent(err) || err == nil && before.object["stale"] == nil {
		return rebuiltBody{CardID: card, Result: resultFresh}, nil
	}
	if err == nil {
		err = w.mayBuild(card, o)
	}
	if err != nil {
		return rebuiltBody{}, err
	}
	result := resultAlready
	built, there, err := w.builtAlready(card, o)
	if err == nil && !there {
		result = resultBuilt
		if built, err = w.build(card, o); err == nil {
			_, err = w.wasBuilt(card, built, before)
		}
	}
	if err != nil {
		return rebuiltBody{}, err
	}
	body := bodyOfBuilt(built)
	return rebuiltBody{CardID: card, Result: result, builtBody: &body}, nil
}

// builtAlready finds an existing revision that equals the result of a build, if
// the user sees it. It activates the revision if the options ask for that.
func (w *writing) builtAlready(card string, o buildOptions) (built store.Built, there bool, err error) {
	built, there, err = w.tx.BuiltAlready(w.r.Ctx, w.rates(), card)
	if err != nil || !there {
		return built, false, err
	}
	before, err := w.seeRevision(card, built.Revision.ID)
	if unseen(err) {
		return built, false, nil
	}
	if err != nil || !o.activate {
		return built, err == nil, err
	}
	if built.Revision, err = w.activateNow(card, built.Revision.ID, o.atLoss); err != nil {
		return built, false, err
	}
	t := target{action: "activate", typ: "card", id: card, sub: built.Revision.ID}
	return built, true, w.auditRevision(t, before)
}
