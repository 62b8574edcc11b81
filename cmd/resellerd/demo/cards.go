package demo

import (
	"context"

	"resellerd/store"
	"resellerd/store/schema"
)

// cards creates the cards that the carrier buys from (provider cards), the customer
// cards that it sells with, some of them assigned to resellers, and the customer
// cards of the resellers.
func (b *builder) cards(ctx context.Context) error {
	az, err := world()
	if err != nil {
		return err
	}
	us, err := america()
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, deck, deck) error{b.bought, b.sold, b.resold, b.built} {
		if err := step(ctx, az, us); err != nil {
			return err
		}
	}
	return nil
}

// bought creates the provider cards of the upstream carriers.
func (b *builder) bought(ctx context.Context, az, us deck) error {
	for _, c := range []struct {
		name, carrier, notes string
		rates                deck
	}{
		{"Tidewater A-Z premium", "Tidewater Carrier Services", "contract TW-88, 30 days notice", az},
		{"Voxmeridian A-Z standard", "Voxmeridian GmbH", "second route, capacity 400 channels", az.dearer(3)},
		{"Prairie Exchange US", "Prairie Exchange LLC", "dip included", us},
	} {
		card := store.NewCard()
		card.AccountID, card.Kind, card.Currency = b.master.ID, schema.ProviderCard, "USD"
		card.Name, card.Carrier, card.Notes = c.name, c.carrier, c.notes
		card, err := b.card(ctx, card, c.rates)
		if err != nil {
			return err
		}
		b.providers = append(b.providers, store.Parent{CardID: card.ID})
	}
	return nil
}

// sold creates the carrier's own customer cards. Gold is assigned to the first
// reseller, silver to the others, and the US card to the first two. The last card is
// assigned to nobody; the carrier's own customers are on it.
func (b *builder) sold(ctx context.Context, az, us deck) error {
	for i, c := range []struct {
		name, public, notes string
		rates               deck
		to                  []store.Account
	}{
		{"AZ gold 2026 on Tidewater +12", "Halyard A-Z Gold", "floor agreed with Tidewater, do not go below 9 %", az.dearer(12), b.resellers[:1]},
		{"AZ silver 2026 on Voxmeridian +9", "Halyard A-Z Silver", "blended, review in June", az.dearer(9), b.resellers[1:]},
		{"US domestic on Prairie +15", "Halyard US Domestic", "", us.dearer(15), b.resellers[:2]},
		{"Retail A-Z", "", "for our own customers", az.dearer(25), nil},
	} {
		card := store.NewCard()
		card.AccountID, card.Kind, card.Currency = b.master.ID, schema.CustomerCard, "USD"
		card.Name, card.PublicName, card.Notes = c.name, c.public, c.notes
		if c.public != "" {
			card.PublicNotes = "Rates are per minute, reviewed monthly."
		}
		card, err := b.card(ctx, card, c.rates)
		if err != nil {
			return err
		}
		if i == 0 {
			b.world.Card = card.ID
		}
		if err := b.assign(ctx, card, c.to); err != nil {
			return err
		}
		if c.to == nil {
			err = b.put(ctx, card, b.buyers[b.master.ID])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// resold creates the resellers' own customer cards. All customers of the reseller but
// the last are on each of them.
func (b *builder) resold(ctx context.Context, az, us deck) error {
	for _, c := range []struct {
		owner store.Account
		name  string
		rates deck
	}{
		{b.resellers[0], "Brightcall Business A-Z", az.dearer(34)},
		{b.resellers[0], "Brightcall US", us.dearer(40)},
		{b.resellers[1], "Andes Voz Internacional", az.dearer(31)},
		{b.resellers[2], "Kestrel Zakelijk", az.dearer(37)},
	} {
		card := store.NewCard()
		card.AccountID, card.Kind, card.Currency, card.Name = c.owner.ID, schema.CustomerCard, "USD", c.name
		card, err := b.card(ctx, card, c.rates)
		if err != nil {
			return err
		}
		all := b.buyers[c.owner.ID]
		if err := b.put(ctx, card, all[:len(all)-1]); err != nil {
			return err
		}
	}
	return nil
}

// built creates a customer card that is built from both A-Z provider cards by profit
// rules. It is assigned to nobody.
func (b *builder) built(ctx context.Context, _, _ deck) error {
	card := store.NewCard()
	card.AccountID, card.Kind, card.Currency, card.Name = b.master.ID, schema.CustomerCard, "USD", "Wholesale A-Z"
	card.Notes = "the dearer of Tidewater and Voxmeridian plus 20 %, the UK plus 15 %, no Cuba"
	card, err := b.tx.CreateCard(ctx, card)
	if err != nil {
		return err
	}
	percent := func(match string, value int64) store.ProfitRule {
		return store.ProfitRule{Match: match, Type: "percent", Value: value * 100 * cent, Status: store.RuleProfit}
	}
	rules := []store.ProfitRule{percent("*", 20), percent("^44", 15), {Match: "^53", Status: store.RuleBlocked}}
	var draft store.Built
	for _, step := range []func() error{
		func() error { return b.made(ctx, card.AccountID, "card", card.ID) },
		func() error { return b.tx.SetParents(ctx, store.AllRates, card.ID, b.providers[:2]) },
		func() error { return b.tx.SetProfitRules(ctx, card.ID, rules) },
		func() error { draft, err = b.tx.BuildRevision(ctx, store.AllRates, card.ID); return err },
		func() error { return b.audit(ctx, card.AccountID, "card", card.ID, "build") },
		func() error { return b.activate(ctx, card, draft.Revision) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// card creates a card with one active revision that has the deck's rates.
func (b *builder) card(ctx context.Context, c store.Card, d deck) (store.Card, error) {
	c, err := b.tx.CreateCard(ctx, c)
	if err == nil {
		err = b.made(ctx, c.AccountID, "card", c.ID)
	}
	if err != nil {
		return c, err
	}
	revision, err := b.tx.CreateRevision(ctx, c.ID, d.rates())
	if err == nil {
		err = b.activate(ctx, c, revision)
	}
	return c, err
}

func (b *builder) activate(ctx context.Context, c store.Card, revision store.Revision) error {
	if _, err := b.tx.ActivateRevision(ctx, store.AllRates, c.ID, revision.ID); err != nil {
		return err
	}
	return b.audit(ctx, c.AccountID, "card", c.ID, "activate")
}

func (b *builder) assign(ctx context.Context, c store.Card, to []store.Account) error {
	for _, account := range to {
		if _, err := b.tx.AssignCard(ctx, store.Assignment{CardID: c.ID, AccountID: account.ID}); err != nil {
			return err
		}
		if err := b.audit(ctx, c.AccountID, "card", c.ID, "assign"); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) put(ctx context.Context, c store.Card, customers []store.Customer) error {
	for _, customer := range customers {
		if _, err := b.tx.PutCustomerOnCard(ctx, store.CardCustomer{CardID: c.ID, CustomerID: customer.ID}); err != nil {
			return err
		}
	}
	return nil
}
