package server

import (
	"slices"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

var cardWriter = rowWriter{
	typ:    "card",
	takes:  cardChange{},
	asks:   chargesAsked,
	update: updateCard,
	remove: func(w *writing, id string) error { return w.tx.DeleteCard(w.r.Ctx, id, 0) },
}

// telling are the fields that affect calls at once. A change to one of them
// proves the active revision again.
var telling = []string{"charge_precision", "charge_rounding", "direction", "parents", "routing"}

// chargesAsked refuses a change to a telling field of a card in force if the
// writer may not read the rates that the proof needs.
func chargesAsked(w *writing, id string, fields []string) error {
	if !slices.ContainsFunc(fields, func(name string) bool { return slices.Contains(telling, name) }) {
		return nil
	}
	if inForce, err := w.tx.InForce(w.r.Ctx, id); err != nil || !inForce {
		return err
	}
	return w.mayProve(id, "")
}

// cardPatch reads the card fields that a caller can set.
func cardPatch(f *fields) store.CardPatch {
	return patchOf[store.CardPatch, store.Card](f)
}

func updateCard(w *writing, f *fields) func(string) error {
	patch, recipe := cardPatch(f), recipeOf(f)
	patch.AtLoss, patch.Parents = f.option("accept_losses"), recipe.parents
	accepted := f.option("accept_currency")
	return func(id string) error {
		card, err := w.tx.Card(w.r.Ctx, id)
		if err != nil {
			return err
		}
		before := card.Currency
		store.Apply(&patch, &card)
		f.checkRules(recipe)
		if !f.sound(&card) {
			return nil
		}
		if or(patch.ExternalID, "") != "" {
			account, err := w.tx.Account(w.r.Ctx, card.AccountID)
			if err != nil {
				return err
			}
			if !w.seesAllCards(account) {
				return errCardName
			}
		}
		if err := w.seesParents(recipe); err != nil {
			return err
		}
		change := func() error {
			_, err := w.tx.UpdateCard(w.r.Ctx, w.rates(), id, patch)
			if err == nil && card.Currency != before && !accepted {
				err = w.linksMatch(id, card.Currency)
			}
			if err == nil && recipe.rules != nil {
				err = w.tx.SetProfitRules(w.r.Ctx, id, *recipe.rules)
			}
			return w.tellLoss(id, err)
		}
		if patch.AtLoss {
			return w.changeAtLoss(id, change)
		}
		return change()
	}
}

// linksMatch refuses a new currency of a card that is assigned to an account, or has a
// customer on it, in another one. The writer is told only of rows whose currency it sees.
func (w *writing) linksMatch(card, currency string) error {
	found, err := w.tx.OnCardInAnotherCurrency(w.r.Ctx, card, currency)
	for _, one := range found {
		if err := w.noneSeen(one.Type, []string{one.ID}, nil); err != nil {
			return err
		}
	}
	return err
}

// errCardName refuses an external id to a writer who does not see all cards that
// it may collide with. The error is the same whether or not it collides.
var errCardName = &fault.FieldError{Kind: fault.ErrInvalid, Field: "external_id",
	Text: "is for who reads provider and customer cards alike"}

// seesAllCards reports whether the actor would see every card that the account
// may own. An external id is unique within an account across both kinds of
// cards, and only a master owns provider cards.
func (w *writing) seesAllCards(account store.Account) bool {
	kinds := []string{schema.CustomerCard}
	if account.Kind == store.Master {
		kinds = append(kinds, schema.ProviderCard)
	}
	for _, kind := range kinds {
		row := map[string]any{"account_id": account.ID, "tenant_id": w.tx.Tenant(), "kind": kind}
		if w.mayRow("read", "card", "", row, nil, nil) != nil {
			return false
		}
	}
	return true
}

// postCard creates a card of the account that the body names; the default is the
// actor's own account.
func postCard(r *exchange) error { return r.write((*writing).createCard, answerRow) }

func (w *writing) createCard() (target, error) {
	kind := ""
	f, account, err := w.readNewRow("card", func(f *fields) map[string]any {
		if kind, _ = f.sent["kind"].(string); kind != schema.ProviderCard {
			return map[string]any{"kind": schema.CustomerCard}
		}
		return map[string]any{"kind": kind}
	})
	if err != nil {
		return target{}, err
	}
	c := store.NewCard()
	c.AccountID = account.ID
	patch := cardPatch(f)
	store.Apply(&patch, &c)
	c.Kind = or(f.line("kind"), schema.CustomerCard)
	recipe := recipeOf(f)
	f.check(&c)
	f.checkRules(recipe)
	if err := f.err(); err != nil {
		return target{}, err
	}
	if c.ExternalID != "" && !w.seesAllCards(account) {
		return target{}, errCardName
	}
	made, err := w.tx.CreateCard(w.r.Ctx, c)
	if err == nil {
		err = w.setRecipe(made.ID, recipe)
	}
	if err != nil {
		return target{}, takenBy(err, "card", account.ID, f)
	}
	return w.created(cardWriter, made.ID, f)
}
