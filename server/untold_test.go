package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"resellerd/store"
)

// blinkered creates users with all the access of their account, except that they
// see no provider cards, or no cards.
func blinkered(w *world) {
	for user, g := range map[string]store.Group{
		"m.seller": {AccountID: "M", Rows: store.Access{"card/provider": ""}}, "m.blind": {AccountID: "M", Rows: store.Access{"card": ""}},
		"a.seller": {AccountID: "A", Rows: store.Access{"card/provider": ""}}, "a.blind": {AccountID: "A", Rows: store.Access{"card": ""}},
	} {
		g.Name, g.DefaultAccess = "of "+user, "crud"
		seedIn(w, user, g)
	}
}

// soldFrom makes card sell what bought costs. The card became active when bought
// had this cost, which may be more than its sale price. One revision of the card
// is held. The card is stale if bought has changed since.
func soldFrom(card, bought string, cost int64, held string, stale bool) func(w *world) {
	return func(w *world) {
		rate := func(name string, cost int64) store.Rate {
			return store.Rate{Prefix: "49", Name: name, Cost: cost, Pulse: 1}
		}
		ctx := context.Background()
		w.rates(bought, rate("Bought", cost))
		w.write(w.id("M"), func(tx *store.Tx) error {
			if err := tx.SetParents(ctx, store.AllRates, w.id(card), []store.Parent{{CardID: w.id(bought)}}); err != nil {
				return err
			}
			for _, name := range []string{"force", "held", "draft"} {
				w.name(name + " of " + card)
				r, err := tx.CreateRevision(ctx, w.id(card), func(yield func(store.Rate, error) bool) { yield(rate("Germany", 1e8), nil) })
				switch {
				case err != nil:
				case name == "force":
					_, err = tx.ActivateAtLoss(ctx, store.AllRates, w.id(card), r.ID)
				case name == "held":
					s := store.Schedule{At: tx.Now() + 1, UserID: w.id("m"), AtLoss: true}
					if _, err = tx.ScheduleRevision(ctx, store.AllRates, w.id(card), r.ID, s); err == nil {
						_, err = tx.HoldRevision(ctx, w.id(card), r.ID, held)
					}
				}
				if err != nil {
					return err
				}
			}
			w.name("")
			return nil
		})
		if stale {
			w.acceptedLosses(card)
			w.rates(bought, rate("Bought", cost+1))
		}
	}
}

// acceptedLosses writes an audit entry that the owner of a card sells it at a
// loss.
func (w *world) acceptedLosses(card string) {
	w.write(w.id("M"), func(tx *store.Tx) error {
		ctx := context.Background()
		stored, err := tx.Card(ctx, w.id(card))
		if err != nil {
			return err
		}
		change, err := json.Marshal(map[string]any{"columns": map[string]any{}, "row": map[string]any{
			"id": stored.ID, "tenant_id": w.id("M"), "account_id": stored.AccountID, "kind": stored.Kind}})
		if err == nil {
			_, err = tx.Audit(ctx, store.AuditEntry{
				ActorID: w.id("m"), ActorAccountID: stored.AccountID, AccountID: stored.AccountID,
				ResourceType: "card", ResourceID: stored.ID, Action: "accept_losses", Change: change,
			})
		}
		return err
	})
}

// asksOfCosts are requests about a card whose answers could reveal what it
// costs.
var asksOfCosts = []struct{ method, path, body string }{
	{"GET", "/v1/cards?count=true", ""}, {"GET", "/v1/cards?stale=provider_card_changed", ""}, {"GET", "/v1/cards?stale_null=false&count=true", ""},
	{"GET", "/v1/cards?sort=stale", ""}, {"GET", "/v1/cards?sort=-updated_at", ""}, {"GET", "/v1/cards/{K}", ""}, {"HEAD", "/v1/cards/{K}", ""},
	{"GET", "/v1/cards/{K}/revisions?count=true", ""}, {"GET", "/v1/cards/{K}/revisions?losses_accepted=true&count=true", ""},
	{"GET", "/v1/cards/{K}/revisions?sort=held_reason", ""}, {"GET", "/v1/cards/{K}/revisions?held_reason_prefix=s", ""},
	{"GET", "/v1/cards/{K}/revisions/{force of K.revision}", ""}, {"GET", "/v1/cards/{K}/revisions/{held of K.revision}", ""},
	{"GET", "/v1/cards/{K}/revisions/{held of K.revision}/diff", ""}, {"GET", "/v1/cards/{K}/rates", ""}, {"GET", "/v1/cards/{K}/profit-rules", ""},
	{"GET", "/v1/cards/{K}/assignments?count=true", ""}, {"GET", "/v1/cards/{K}/customers", ""},
	{"GET", "/v1/lookup?number=49171", ""}, {"POST", "/v1/lookup", `{"numbers":[{"number":"49171","seconds":7}]}`},
	{"GET", "/v1/audit?count=true", ""}, {"GET", "/v1/audit?action=accept_losses", ""}, {"GET", "/v1/me", ""},
	{"POST", "/v1/cards/{K}/proof", ""}, {"POST", "/v1/cards/{K}/proof", `{"revision_id":"{held of K.revision}"}`},
	{"POST", "/v1/cards/{K}/build", `{}`}, {"POST", "/v1/cards/{K}/build", `{"activate":true,"accept_losses":true}`},
	{"POST", "/v1/cards/rebuild", `{}`}, {"POST", "/v1/cards/rebuild", `{"ids":["{K}"],"activate":true}`},
	{"POST", "/v1/cards/{K}/revisions/{draft of K.revision}/activate", ""}, {"POST", "/v1/cards/{K}/revisions/{held of K.revision}/activate", `{"accept_losses":true}`},
	{"POST", "/v1/cards/{K}/revisions/{draft of K.revision}/activate", `{"live_at":"2027-01-01T00:00:00Z"}`}, {"POST", "/v1/cards/{K}/rollback", ""},
	{"PATCH", "/v1/cards/{K}", `{"charge_precision":2}`}, {"PATCH", "/v1/cards/{K}", `{"charge_precision":2,"accept_losses":true}`},
	{"PATCH", "/v1/cards/{K}", `{"parents":[]}`}, {"PATCH", "/v1/cards/{K}", `{"stale":null}`}, {"PATCH", "/v1/cards/{K}?dry_run=true", `{"compact":"min"}`},
	{"PATCH", "/v1/cards/{K}", `{"compact":"avg","rate_precision":6}`}, {"PATCH", "/v1/cards/{K}", `{"public_notes":"changed","accept_losses":true}`},
	{"PUT", "/v1/cards/{K}/profit-rules", `{"items":[{"match":"*","type":"percent","value":"3"}]}`},
	{"GET", "/v1/audit?count=true", ""}, {"GET", "/v1/audit?action=accept_losses", ""},
	{"PATCH", "/v1/cards/{K}/revisions/{held of K.revision}", `{"status":"draft"}`}, {"DELETE", "/v1/cards/{K}/revisions/{draft of K.revision}", ""},
	{"DELETE", "/v1/cards/{K}", ""}, {"GET", "/v1/cards", ""}, {"GET", "/v1/audit?count=true", ""},
}

// A user who does not see provider cards, or any cards, is not told what an own
// card costs. Lists, exports, look-ups, single reads, refusals and the audit
// trail do not tell it that the card is stale, or that and why a revision was
// held or a loss accepted.
func TestWhoDoesNotSeeWhatACardCostsIsNotToldOfIt(t *testing.T) {
	oneAtATime(t)
	for i, c := range []struct{ card, bought, seer, seller, blind string }{
		{"gold", "upstream", "m", "m.seller", "m.blind"}, {"retail", "gold", "a", "a.seller", "a.blind"},
	} {
		for name, url := range databases(carriers, i) {
			t.Run(name+" "+c.card, func(t *testing.T) {
				t.Parallel()
				worldOf := func(cost int64, held string, stale bool) *world {
					return newWorld(t, url(t), engineOf(t, 1), func(w *world) {
						seedWorld(w)
						blinkered(w)
						soldFrom(c.card, c.bought, cost, held, stale)(w)
					})
				}
				cheap, dear := worldOf(1e7, "user_disabled", false), worldOf(9e8, store.ReasonSellsAtLoss, true)
				differs := 0
				for _, user := range []string{c.seer, c.blind, c.seller} {
					for i, ask := range asksOfCosts {
						if user == c.seer && ask.method != "GET" {
							continue // it would change the data for the other users
						}
						first, second := askOfCosts(cheap, user, c.card, i), askOfCosts(dear, user, c.card, i)
						switch alike := first == second; {
						case user == c.seer && !alike:
							differs++
						case user != c.seer && !alike:
							t.Errorf("%s asks %s %s %s:\n%s\nand\n%s", user, ask.method, ask.path, ask.body, first, second)
						}
					}
				}
				if differs < 10 {
					t.Errorf("who sees the costs tells the worlds apart by %d answers only", differs)
				}
			})
		}
	}
}

// askOfCosts sends the i-th request in each of the forms that it has answers in,
// and asks for the explanation of each answer.
func askOfCosts(w *world, user, card string, i int) (text string) {
	w.t.Helper()
	ask := asksOfCosts[i]
	expand := strings.NewReplacer("{K}", "{"+card+"}", "{force of K.revision}", w.id("force of "+card+".revision"),
		"{held of K.revision}", w.id("held of "+card+".revision"), "{draft of K.revision}", w.id("draft of "+card+".revision")).Replace
	forms := []string{""}
	if ask.method == "GET" {
		forms = append(forms, mediaCSV, mediaNDJSON)
	}
	for _, form := range forms {
		w.name(fmt.Sprint(user, " asks ", i))
		got := w.do(user, ask.method, expand(ask.path), expand(ask.body), "Accept", form)
		w.name("")
		text += withoutTag(got) + "\n" + withoutTag(w.decided(user, got)) + "\n"
	}
	return text
}
