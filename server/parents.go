package server

import (
	"resellerd/store"
)

// parents reads what a card is built from: a list of ids, or of objects as
// they are shown.
func (f *fields) parents(name string) *[]store.Parent {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	if ids, ok := textList(value); ok {
		parents := make([]store.Parent, len(ids))
		for i, id := range ids {
			parents[i].CardID = id
		}
		return &parents
	}
	parents := []store.Parent{}
	f.each(name, func(item *fields) {
		parents = append(parents, store.Parent{CardID: or(item.line("card_id"), ""), Exchange: or(item.line("exchange"), "")})
		item.value("name") // as it is shown; it is not set here
		item.value("exchange_at")
	})
	return &parents
}

// recipe is what of a card's build was sent.
type recipe struct {
	parents *[]store.Parent
	rules   *[]store.ProfitRule
}

func recipeOf(f *fields) recipe {
	return recipe{parents: f.parents("parents"), rules: f.rules("profit_rules")}
}

// seesParents refuses a parent that the writer does not see as one that is not
// there.
func (w *writing) seesParents(sent recipe) error {
	for _, p := range or(sent.parents, nil) {
		visible, err := w.sees("card", p.CardID)
		if err != nil {
			return err
		}
		if !visible {
			return store.ErrNoParent
		}
	}
	return nil
}

// setRecipe stores what was sent with a new card.
func (w *writing) setRecipe(card string, sent recipe) error {
	err := w.seesParents(sent)
	if err == nil && sent.parents != nil {
		err = w.tx.SetParents(w.r.Ctx, w.rates(), card, *sent.parents)
	}
	if err == nil && sent.rules != nil {
		err = w.tx.SetProfitRules(w.r.Ctx, card, *sent.rules)
	}
	return err
}
