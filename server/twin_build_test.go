package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
)

// buildable reports whether the viewer sees what an account's cards are built
// from.
func (e eyes) buildable(account string) bool {
	return e.see("card", account) && (account != e.own || !e.sells)
}

// givenTo reports whether the viewer may build from a card of the account above,
// in both worlds.
func (w *twin) givenTo(account, name string) bool {
	return w.eyes.parent(account) && w.eyes.read("card") && w.draws("card "+account+"."+name).shared.IntN(2) == 0
}

// fillRecipe sets the parents and profit rules of a card, and builds it.
func (w *twin) fillRecipe(account, name string) {
	seen, all := w.eyes.buildable(account), w.eyes.see("card", account)
	d := w.draws("recipe " + account + "." + name)
	row, rules := d.of(seen), twinRules(d.of(all))
	parents := w.candidates(account, row)
	build := row.IntN(2) == 0 && (seen || !all)
	w.at(twinStart.Add(-2 * time.Hour))
	w.make(account, "built "+account+"."+name, func(ctx context.Context, tx *store.Tx) error {
		card := cardID(account, name)
		if err := tx.SetProfitRules(ctx, card, rules); err != nil {
			return err
		}
		err := tx.SetParents(ctx, store.AllRates, card, w.fitting(ctx, tx, card, parents))
		if err == nil && build && len(parents) > 0 {
			if _, err := tx.BuildRevision(ctx, store.AllRates, card); !errors.Is(err, fault.ErrConflict) && !errors.Is(err, fault.ErrInvalid) {
				return err
			}
		}
		if errors.Is(err, fault.ErrInvalid) {
			return nil
		}
		return err
	})
}

// candidates are the cards that a card of the account may be built from.
func (w *twin) candidates(account string, r *rand.Rand) (ids []string) {
	if isMaster(account) {
		return []string{cardID(account, "k5")}
	}
	above := twinParents[account]
	for _, name := range []string{"k1", "k2", "k3"} {
		if account == w.eyes.own && !w.givenTo(above, name) || r.IntN(3) == 0 {
			continue
		}
		ids = append(ids, cardID(above, name))
	}
	return ids
}

// fitting are the candidates with the card's direction, with an exchange rate if
// they need one.
func (w *twin) fitting(ctx context.Context, tx *store.Tx, card string, ids []string) (parents []store.Parent) {
	own, err := tx.Card(ctx, card)
	if err != nil {
		return nil
	}
	for _, id := range ids {
		parent, err := tx.Card(ctx, id)
		if err != nil || parent.Direction != own.Direction {
			continue
		}
		p := store.Parent{CardID: id}
		if parent.Currency != own.Currency {
			p.Exchange = "1.0837"
		}
		parents = append(parents, p)
	}
	return parents
}

func twinRules(r *rand.Rand) (rules []store.ProfitRule) {
	for range r.IntN(3) {
		rules = append(rules, store.ProfitRule{
			Match: drawn(r, []string{"*", "^4", "49", "441"}), Type: drawn(r, []string{"percent", "relative", "absolute"}),
			Value: int64(r.IntN(3)) * 100_000_000, Status: store.RuleProfit,
		})
	}
	return rules
}

// fillDestinations gives an account names for destinations.
func (w *twin) fillDestinations(account string) {
	row := w.draws("destinations of " + account).of(account == w.eyes.own)
	var list []store.Destination
	for _, prefix := range twinPrefixes {
		if row.IntN(2) == 0 {
			list = append(list, store.Destination{Prefix: prefix, Name: drawn(row, twinTexts)})
		}
	}
	w.make(account, "destinations "+account, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetDestinations(ctx, accountID(account), list)
	})
}

// building draws a request about how cards are built.
func (q *requests) building() asked {
	card := "/v1/cards/" + url.PathEscape(q.id("card"))
	if q.r.IntN(2) == 0 {
		card = "/v1/cards/" + cardID(q.eyes.own, drawn(q.r, []string{"k1", "k2", "k3"}))
	}
	switch q.r.IntN(12) {
	case 9:
		return asked{method: "POST", path: "/v1/cards/rebuild", body: q.text(map[string]any{"activate": q.r.IntN(2) == 0})}
	case 0:
		return asked{method: "GET", path: card + "/profit-rules"}
	case 1:
		return asked{method: "PUT", path: card + "/profit-rules", body: q.text(map[string]any{"items": q.rules()})}
	case 2:
		return asked{method: "PATCH", path: card, body: q.text(map[string]any{"parents": q.parents()})}
	case 3:
		return asked{method: "GET", path: "/v1/destinations" + drawn(q.r, []string{"", "?limit=2", "?count=true", "?sort=prefix"})}
	case 4:
		return asked{method: "PUT", path: "/v1/destinations", body: q.text(map[string]any{"items": []any{
			map[string]any{"prefix": drawn(q.r, twinPrefixes), "name": drawn(q.r, twinTexts)}}})}
	case 10:
		return asked{method: "GET", path: "/v1/import-profiles" + drawn(q.r, []string{"", "?limit=1", "?count=true", "/p", "/q"})}
	case 11:
		if q.r.IntN(3) == 0 {
			return asked{method: "DELETE", path: "/v1/import-profiles/" + drawn(q.r, []string{"p", "q"})}
		}
		return asked{method: "PUT", path: "/v1/import-profiles/" + drawn(q.r, []string{"p", "q"}), body: q.text(map[string]any{"kind": drawn(q.r, []string{"provider", "customer"})})}
	case 5, 6:
		a := asked{method: "POST", path: card + "/proof"}
		if q.r.IntN(3) == 0 {
			a.body = q.text(map[string]any{"revision_id": drawn(q.r, []string{
				idOf("revision", requestName(q.r.IntN(q.n+1))), idOf("revision", "built "+drawn(q.r, twinAccounts)+".k1"), "nothing"})})
		}
		if q.r.IntN(3) == 0 {
			a.header = []string{"Accept", mediaNDJSON}
		}
		return a
	}
	return asked{method: "POST", path: card + "/build", body: q.text(map[string]any{"activate": q.r.IntN(2) == 0, "accept_losses": q.r.IntN(4) == 0})}
}

// parents draws cards to build from: of the account above, of the viewer's own
// account, or of any account.
func (q *requests) parents() []any {
	list := []any{}
	for range q.r.IntN(3) {
		id := q.id("card")
		if above := twinParents[q.eyes.own]; above != "" && q.r.IntN(2) == 0 {
			id = cardID(above, fmt.Sprint("k", 1+q.r.IntN(3)))
		}
		list = append(list, drawn(q.r, []any{id, map[string]any{"card_id": id}, map[string]any{"card_id": id, "exchange": "1.1"}}))
	}
	return list
}

func (q *requests) rules() []any {
	return []any{map[string]any{"match": drawn(q.r, []string{"*", "^44", "49", "x"}), "type": drawn(q.r, []string{"percent", "relative", "floor"}),
		"value": drawn(q.r, []string{"12", "0.001", "-0.01", "1e3"})}}
}
