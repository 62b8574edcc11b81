package server

import (
	"context"
	"encoding/json"
	"iter"
	"math/rand/v2"
	"time"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
)

func cardID(account, name string) string { return idOf("card", "card "+account+"."+name) }

// fillCard creates a card with its revisions, assigns it, and puts customers on
// it. A card that is assigned to the viewer shows it what a provider card shows.
func (w *twin) fillCard(account, name string) {
	full := "card " + account + "." + name
	provider := name == "k5" && (isMaster(account) || !w.eyes.within(account))
	d, see := w.draws(full), w.eyes.see("card", account) && !(provider && w.eyes.sells)
	given := w.eyes.parent(account) && w.eyes.read("card") && name < "k4" && d.shared.IntN(2) == 0
	row, shown := d.of(see), d.of(see || given)
	if !given && row.IntN(4) == 0 {
		return
	}
	c := store.NewCard()
	c.AccountID, c.Kind, c.Name = accountID(account), schema.CustomerCard, drawn(row, twinTexts)
	if provider || !given && !see && row.IntN(3) == 0 {
		c.Kind, c.Carrier = schema.ProviderCard, maybe(row, twinTexts)
	}
	c.TechPrefix, c.ExternalID = drawn(row, []string{"", "77#", "99#"}), maybe(row, twinNames)
	c.Notes = maybe(d.of(w.eyes.notes(account)), twinTexts)
	c.PublicName, c.PublicNotes = maybe(shown, twinTexts), maybe(shown, twinTexts)
	c.Currency, c.Direction = drawn(shown, []string{"EUR", "USD"}), drawn(shown, []string{"termination", "origination"})
	if whole := d.of(see); c.Kind == schema.CustomerCard {
		c.Compact, c.Routing = drawn(whole, []string{"", "min", "avg"}), drawn(whole, []string{"", "cheapest"})
	}
	c.RatePrecision, c.ChargeRounding = shown.IntN(10), drawn(shown, []string{"up", "down"})
	w.at(before(row))
	made := w.make(account, full, func(ctx context.Context, tx *store.Tx) error { _, err := tx.CreateCard(ctx, c); return err })
	if !made && given {
		c.ExternalID = ""
		made = w.make(account, full, func(ctx context.Context, tx *store.Tx) error { _, err := tx.CreateCard(ctx, c); return err })
	}
	if !made {
		return
	}
	w.fillRevisions(account, name, d, see, see || given)
	if c.Kind == schema.CustomerCard {
		w.fillAssignments(account, name, given)
		w.fillRecipe(account, name)
		w.fillOnCard(account, name)
	}
}

// fillRevisions gives a card an active revision or none. It also adds revisions
// before and after that, which only the card's own side sees. Earlier revisions
// were in force before the card was assigned to any account.
func (w *twin) fillRevisions(account, name string, d draws, see, shown bool) {
	card := cardID(account, name)
	row := d.of(see)
	make := func(label string, r *rand.Rand, activate bool) {
		full := "revision " + account + "." + name + "." + label
		w.make(account, full, func(ctx context.Context, tx *store.Tx) error {
			revision, err := tx.CreateRevision(ctx, card, twinRates(r))
			if err == nil && activate {
				_, err = tx.ActivateRevision(ctx, store.AllRates, card, revision.ID)
			}
			return err
		})
	}
	w.at(twinStart.Add(-30 * time.Hour))
	for i := range row.IntN(3) {
		make("old"+string(rune('0'+i)), row, true)
	}
	if active := d.of(shown); active.IntN(4) > 0 {
		w.at(twinStart.Add(-time.Duration(11+active.IntN(10)) * time.Hour))
		make("active", active, true)
	} else if !see {
		w.retire(account, card)
	}
	if row.IntN(2) == 0 {
		make("draft", row, false)
	}
}

// retire leaves a card without an active revision.
func (w *twin) retire(account, card string) {
	mark := "?"
	if w.store.Dialect() == "postgres" {
		mark = "$1"
	}
	for _, statement := range []string{
		"UPDATE revisions SET status = 'inactive', deactivated_at = activated_at WHERE status = 'active' AND card_id = ",
		"UPDATE revision_periods SET active_to = active_from WHERE active_to IS NULL AND card_id = ",
	} {
		if _, err := w.db.Exec(statement+mark, card); err != nil {
			w.t.Fatalf("retire: %v", err)
		}
	}
}

func twinRates(r *rand.Rand) iter.Seq2[store.Rate, error] {
	rates := []store.Rate{}
	for _, prefix := range twinPrefixes {
		if r.IntN(2) == 0 {
			continue
		}
		rate := store.Rate{Prefix: prefix, Name: drawn(r, twinTexts), Cost: int64(r.IntN(5)) * 100_000_000, Pulse: 1 + r.IntN(60), Blocked: r.IntN(5) == 0}
		if r.IntN(3) == 0 {
			inter := int64(r.IntN(1000))
			rate.Inter = &inter
		}
		rates = append(rates, rate)
	}
	return func(yield func(store.Rate, error) bool) {
		for _, rate := range rates {
			if !yield(rate, nil) {
				return
			}
		}
	}
}

// fillAssignments assigns a card to accounts below. An account knows only its
// own assignment. A past or future assignment looks like none.
func (w *twin) fillAssignments(account, name string, given bool) {
	for _, child := range childrenOf(account) {
		row := w.draws("assignment " + account + "." + name + " to " + child).of(w.eyes.see("card", account))
		a := store.Assignment{CardID: cardID(account, name), AccountID: accountID(child)}
		w.at(twinStart.Add(-10 * time.Hour))
		switch kind := row.IntN(4); {
		case child == w.eyes.own && given:
		case kind == 0:
			continue
		case kind == 1:
			a.ValidTo = schema.MicrosOf(twinStart.Add(-5 * time.Hour))
		case kind == 2 || child == w.eyes.own:
			a.ValidFrom = schema.MicrosOf(twinStart.Add(1000 * time.Hour))
		}
		w.make(account, "assignment", func(ctx context.Context, tx *store.Tx) error { _, err := tx.AssignCard(ctx, a); return err })
	}
}

// fillOnCard puts customers of the account on its card.
func (w *twin) fillOnCard(account, name string) {
	row := w.draws("on card " + account + "." + name).of(w.eyes.see("card", account) && w.eyes.see("customer", account))
	for _, customer := range []string{"c1", "c2", "c3"} {
		if row.IntN(2) == 0 {
			continue
		}
		w.at(twinStart.Add(-time.Duration(1+row.IntN(9)) * time.Hour))
		w.make(account, "on card", func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.Customer(ctx, customerID(account, customer)); err != nil {
				return nil //nolint:nilerr // not there in this world
			}
			_, err := tx.PutCustomerOnCard(ctx, store.CardCustomer{
				CardID: cardID(account, name), CustomerID: customerID(account, customer)})
			return err
		})
	}
}

// entryChange is a change as an audit entry stores it. For a card below, the
// change includes its notes. For the viewer's own account, it includes the
// columns that only accounts above see.
func (w *twin) entryChange(d draws, see bool, account, typ string) (id string, change json.RawMessage) {
	row := d.of(see)
	columns := map[string]any{"name": session.Changed{Before: drawn(row, twinTexts), After: drawn(row, twinTexts)}}
	policyRow := map[string]any{"account_id": accountID(account), "tenant_id": accountID(rootOf(account)), "name": drawn(row, twinTexts)}
	switch typ {
	case "account":
		id = accountID(account)
		kept := d.of(see && (account != w.eyes.own || isMaster(account)))
		columns["external_id"] = session.Changed{Before: maybe(kept, twinNames), After: maybe(kept, twinNames)}
		delete(policyRow, "account_id")
		policyRow["kind"] = store.Reseller
		if isMaster(account) {
			policyRow["kind"] = store.Master
		}
	case "card":
		id = cardID(account, "k1")
		notes := d.of(see && w.eyes.notes(account))
		columns["notes"] = session.Changed{Before: maybe(notes, twinTexts), After: maybe(notes, twinTexts)}
		columns["customers"] = session.Changed{Before: nil, After: map[string]any{"customer_id": customerID(account, "c1")}}
		policyRow["kind"], policyRow["assigned_to"] = schema.CustomerCard, []string{}
	case "user":
		id = userID(account, "user")
	default:
		id = customerID(account, "c1")
	}
	policyRow["id"] = id
	text, err := json.Marshal(map[string]any{"columns": columns, "row": policyRow})
	if err != nil {
		w.t.Fatal(err)
	}
	return id, text
}
