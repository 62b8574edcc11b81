package server

import (
	"fmt"

	"resellerd/store"
)

// parents reads the parents of a card: ids, and objects as an answer shows them. It
// returns nil if the field was not sent.
func (f *fields) parents(name string) *[]store.Parent {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	list, ok := value.([]any)
	if !ok || len(list) > maxList {
		f.refuse(name, fmt.Sprintf("must be a list of at most %d ids or objects", maxList))
		return nil
	}
	parents := make([]store.Parent, len(list))
	for i, one := range list {
		switch parent := one.(type) {
		case string:
			parents[i].CardID = parent
		case map[string]any:
			item := f.inside(parent, fmt.Sprintf("%s[%d]", name, i), fmt.Sprintf("%s/%d", pointerTo(name), i))
			parents[i] = store.Parent{CardID: or(item.line("card_id"), ""), Exchange: or(item.line("exchange"), "")}
			item.value("name") // accepted because answers show it; a write ignores it
			item.value("exchange_at")
		default:
			f.refuse(name, "must be a list of ids or objects")
		}
	}
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
