package server

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies/input"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// each calls read for each object of a list. It reports whether the field was
// sent.
func (f *fields) each(name string, read func(item *fields)) bool {
	value, sent := f.value(name)
	if !sent {
		return false
	}
	list, ok := value.([]any)
	if !ok || len(list) > maxList {
		f.refuse(name, fmt.Sprintf("must be a list of at most %d objects", maxList))
		return true
	}
	for i, one := range list {
		object, ok := one.(map[string]any)
		if !ok {
			f.refuse(name, "must be a list of objects")
			continue
		}
		read(f.inside(object, fmt.Sprintf("%s[%d]", name, i), fmt.Sprintf("%s/%d", pointerTo(name), i)))
	}
	return true
}

// given reports whether a field was sent with a value. null counts as absent.
func (f *fields) given(name string) bool {
	value, sent := f.value(name)
	return sent && value != nil
}

// money reads a decimal string. It returns nil for null and for an absent field.
func (f *fields) money(name string) *int64 {
	if !f.given(name) {
		return nil
	}
	text, ok := f.sent[name].(string)
	amount, err := schema.ParseMoney(text)
	if !ok || err != nil {
		f.refuse(name, "must be a decimal number of at most ten decimals, as a text")
	}
	return &amount
}

// optional reads a whole number. It returns nil for null and for an absent
// field.
func (f *fields) optional(name string) *int {
	if !f.given(name) {
		return nil
	}
	return f.integer(name)
}

// rules reads profit rules in the form that answers show. It returns nil if the
// field was not sent.
func (f *fields) rules(name string) *[]store.ProfitRule {
	rules := []store.ProfitRule{}
	sent := f.each(name, func(item *fields) {
		rule := store.ProfitRule{
			Match: or(item.line("match"), ""), Type: or(item.line("type"), ""), Value: or(item.money("value"), 0),
			Status: or(item.line("status"), store.RuleProfit), Connect: item.money("connect"), Rounding: or(item.line("rounding"), ""),
		}
		if rule.Status == store.RuleProfit && !item.given("value") {
			item.refuse("value", "is missing")
		}
		if item.given("apply_to") {
			rule.ApplyTo = strings.Join(or(item.texts("apply_to"), nil), ",")
		}
		rule.MCD, rule.Pulse, rule.Precision = item.optional("mcd"), item.optional("pulse"), item.optional("precision")
		rules = append(rules, rule)
	})
	if !sent {
		return nil
	}
	return &rules
}

// getRules answers with the profit rules of a card on the reader's own side. A
// card that was assigned to the reader does not show them: 403.
func getRules(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	p, err := r.ReadPlan("card")
	if err != nil {
		return err
	}
	row, err := r.One(r.Store, p, id)
	if err != nil {
		return err
	}
	body, err := rulesBody(row.AppendJSON(nil), row.View)
	if err != nil {
		return err
	}
	return r.answerRow(fiber.StatusOK, rulesTag, body)
}

// rulesTag is the type that the ETag of a list of profit rules is made with.
const rulesTag = "profit_rules"

// rulesBody extracts the list from a card's representation. It answers 403 if
// the card was assigned to the reader, and 404 if the reader is not shown the
// rules for another reason.
func rulesBody(card []byte, view string) ([]byte, error) {
	if view == translatedView {
		return nil, notOwn()
	}
	var shown struct {
		Rules *json.RawMessage `json:"profit_rules"`
	}
	shown.Rules = nil
	if err := json.Unmarshal(card, &shown); err != nil {
		return nil, err
	}
	if shown.Rules == nil {
		return nil, notFound()
	}
	return append(append([]byte(`{"items":`), *shown.Rules...), '}'), nil
}

// putRules answers PUT on a card's profit rules. It replaces the whole list.
func putRules(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	return r.write(func(w *writing) (target, error) { return w.putRules(id) }, func(w *writing, t target) (written, error) {
		card, err := w.see("card", t.id)
		if err != nil {
			return written{}, err
		}
		body, err := rulesBody(card.json, card.view)
		return written{status: fiber.StatusOK, typ: rulesTag, body: body}, err
	})
}

func (w *writing) putRules(id string) (target, error) {
	before, err := w.see("card", id)
	if err != nil {
		return target{}, err
	}
	current, err := rulesBody(before.json, before.view)
	if err != nil {
		return target{}, err
	}
	f, malformed := w.sent.fields(anyField)
	if malformed != nil {
		f = emptyFields()
	}
	change := &input.Change{}
	if !reflect.DeepEqual(f.sent["items"], before.object["profit_rules"]) {
		change.Fields = []string{"profit_rules"}
	}
	if err := w.may("update", "card", id, change); err != nil {
		return target{}, err
	}
	if malformed != nil {
		return target{}, malformed
	}
	rules := f.rules("items")
	if rules == nil {
		f.refuse("items", "is missing")
	}
	if f.err() != nil && rules != nil {
		return target{}, f.and(inItems(rulesTag, store.CheckProfitRules(*rules)))
	}
	if err := f.err(); err != nil {
		return target{}, err
	}
	if err := w.checkIfMatch(rulesTag, current, inItems(rulesTag, w.tx.SetProfitRules(w.r.Ctx, id, *rules))); err != nil {
		return target{}, err
	}
	return w.updated(cardWriter, id, before, change)
}

// inItems names the members of a list in an error of the store as the body of the list
// does: items.
func inItems(list string, err error) error {
	for _, bad := range fault.Fields(err) {
		if rest, is := strings.CutPrefix(bad.Field, list); is {
			bad.Field = "items" + rest
		}
	}
	return err
}
