package server

import (
	"resellerd/store"
)

// parents reads the parents of a card. The body holds a list of ids, or a list
// of objects as an answer shows them. It returns nil if the field was not sent.
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
		item.value("name") // accepted because answers show it; a write ignores it
		item.value("exchange_at")
	})
	return &parents
}

// recipe holds the parts of a card's build that were sent.
type recipe struct {
	parents *[]store.Parent
	rules   *[]store.ProfitRule
}

func recipeOf(f *fields) recipe {
	return recipe{parents: f.parents("parents"), rules: f.rules("profit_rules")}
}

// seesParents refuses a parent that the writer does not see, with the same error
// as for an absent one.
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

// setRecipe stores the recipe that was sent with a new card.
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
