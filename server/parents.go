package server

import (
	"resellerd/store"
)

// parents reads what a card is built from: a list of ids, or of objects as
// they are shown.
func (f *fields) parents(name string) *[]store.Parent {
	value, sent := f.take(name)
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
		item.take("name") // as it is shown; it is not set here
		item.take("exchange_at")
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

// setRecipe stores what was sent. A parent that the writer does not see is
// answered as one that is not there.
func (w *writing) setRecipe(card string, sent recipe, atLoss bool) error {
	if sent.parents != nil {
		for _, p := range *sent.parents {
			visible, err := w.sees("card", p.CardID)
			if err != nil {
				return err
			}
			if !visible {
				return store.ErrNoParent
			}
		}
		set := w.tx.SetParents
		if atLoss {
			set = w.tx.SetParentsAtLoss
		}
		if err := set(w.r.ctx, card, *sent.parents); err != nil {
			return err
		}
	}
	if sent.rules == nil {
		return nil
	}
	return w.tx.SetProfitRules(w.r.ctx, card, *sent.rules)
}
