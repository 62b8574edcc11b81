package server

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/strictjson"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// link is a temporary link between a card and another row: an account that it is
// assigned to, or a customer on it.
type link struct {
	typ    string // of the link's rows: "assignment", "card_customer"
	other  string // the type of the linked row; param is the path parameter with its id
	param  string
	action string // on the card
	put    func(w *writing, card, other string, from, to schema.Micros) error
	remove func(w *writing, card, other string) error
}

var assignmentLink = link{
	typ: "assignment", other: "account", param: "account_id", action: "assign",
	put: func(w *writing, card, other string, from, to schema.Micros) error {
		_, err := w.tx.AssignCard(w.r.Ctx, store.Assignment{CardID: card, AccountID: other, ValidFrom: from, ValidTo: to})
		return err
	},
	remove: func(w *writing, card, other string) error { return w.tx.WithdrawCard(w.r.Ctx, card, other) },
}

var customerLink = link{
	typ: "card_customer", other: "customer", param: "customer_id", action: "update",
	put: func(w *writing, card, other string, from, to schema.Micros) error {
		_, err := w.tx.PutCustomerOnCard(w.r.Ctx, store.CardCustomer{CardID: card, CustomerID: other, ValidFrom: from, ValidTo: to})
		return err
	},
	remove: func(w *writing, card, other string) error { return w.tx.RemoveCustomerFromCard(w.r.Ctx, card, other) },
}

// query asks for the links of a card of which the reader sees both sides.
func (l link) query(r *inquiry, card string, within bool) (query.Query, error) {
	cards, err := r.ReadPlan("card")
	if err != nil {
		return query.Query{}, err
	}
	others, err := r.ReadPlan(l.other)
	if err != nil {
		return query.Query{}, err
	}
	cards.Leaf, others.Leaf = cards.Leaf && !within, others.Leaf && !within
	q := cards.Query()
	q.Type, q.Parent, q.Also = l.typ, card, []query.TypedFilter{others.Also()}
	return q, nil
}

// listLinks answers GET on a card's links. A card that was assigned to the
// reader does not show its links: 403.
func listLinks(l link) func(*exchange) error {
	return func(r *exchange) error {
		card, err := r.param("id")
		if err != nil {
			return err
		}
		if err := r.ownSide(card); err != nil {
			return err
		}
		q, err := l.query(&r.inquiry, card, false)
		if err != nil {
			return err
		}
		return r.answerList(q, schema.Info(l.typ).Shown(), query.Row.AppendJSON)
	}
}

// ownSide returns nil for a card whose links the reader may see. It returns 403
// for a card that was assigned to the reader, and 404 for any other card.
func (r *inquiry) ownSide(card string) error {
	p, err := r.ReadPlan("card")
	if err != nil {
		return err
	}
	row, err := r.One(r.Store, p, card)
	if err == nil && row.View == translatedView {
		return notOwn()
	}
	return err
}

const translatedView = "translated"

// notOwn refuses a reader who sees the card and not its owner's side of it.
func notOwn() error {
	return &problem{kind: kindForbidden, reasons: []string{store.ReasonCardNotOwn}}
}

// putLink answers PUT on a link. The card's owner assigns the card to an
// account, or puts a customer on it, for a time.
func putLink(l link) func(*exchange) error {
	return func(r *exchange) error {
		return r.onLink(func(w *writing, card, other string) (target, error) {
			return w.putLink(l, card, other)
		}, l, func(w *writing, t target) (written, error) {
			row, err := w.seeLink(l, t.id, t.sub)
			return written{status: fiber.StatusOK, typ: l.typ, body: row}, err
		})
	}
}

// deleteLink answers DELETE on a link. The link ends now; its past is kept.
func deleteLink(l link) func(*exchange) error {
	return func(r *exchange) error {
		return r.onLink(func(w *writing, card, other string) (target, error) {
			return w.dropLink(l, card, other)
		}, l, answerNothing)
	}
}

func (r *exchange) onLink(do func(w *writing, card, other string) (target, error), l link,
	answer func(*writing, target) (written, error)) error {
	card, err := r.param("id")
	if err != nil {
		return err
	}
	other, err := r.param(l.param)
	if err != nil {
		return err
	}
	return r.write(func(w *writing) (target, error) { return do(w, card, other) }, answer)
}

// seeLink returns the link as the writer sees it, or 404.
func (w *writing) seeLink(l link, card, other string) ([]byte, error) {
	q, err := l.query(w.r, card, true)
	if err != nil {
		return nil, err
	}
	q.ID, q.Limit = other, 1
	row, err := w.r.Single(w.tx, q)
	if err != nil {
		return nil, err
	}
	return row.AppendJSON(nil), nil
}

// mayLink authorises a change of a card's links. The actor must see both sides
// and must be allowed to change the card.
func (w *writing) mayLink(l link, card, other string) error {
	if _, err := w.see("card", card); err != nil {
		return err
	}
	if err := w.may(l.action, "card", card, nil); err != nil {
		return err
	}
	visible, err := w.sees(l.other, other)
	if err == nil && !visible {
		err = notFound()
	}
	return err
}

func (w *writing) putLink(l link, card, other string) (target, error) {
	t := target{action: l.action, typ: "card", id: card, sub: other, status: fiber.StatusOK}
	if err := w.mayLink(l, card, other); err != nil {
		return t, err
	}
	f, err := w.sent.fields(anyField)
	if err != nil {
		return t, err
	}
	if err := w.acceptShown(f, l.typ, nil, map[string]any{l.param: other}); err != nil {
		return t, err
	}
	from, to, accepted := f.moment("valid_from"), f.moment("valid_to"), f.boolean("accept_currency")
	if err := f.err(); err != nil {
		return t, err
	}
	return w.linked(l, t, func() error {
		if !accepted {
			if err := w.sameCurrency(l, card, other); err != nil {
				return err
			}
		}
		return l.put(w, card, other, from, to)
	})
}

// sameCurrency refuses a link of a card with a row in another currency, if the writer is
// shown both currencies.
func (w *writing) sameCurrency(l link, card, other string) error {
	ofCard, err := w.seenCurrency("card", card)
	if err != nil || ofCard == "" {
		return err
	}
	ofOther, err := w.seenCurrency(l.other, other)
	if err == nil && ofOther != "" && ofOther != ofCard {
		err = store.ErrCurrencyMismatch
	}
	return err
}

// noneSeen refuses a write if the writer is shown the currency of one of these rows, which
// have another one. err is that of the search for them.
func (w *writing) noneSeen(typ string, ids []string, err error) error {
	for _, id := range ids {
		seen, err := w.seenCurrency(typ, id)
		if err != nil {
			return err
		}
		if seen != "" {
			return store.ErrCurrencyMismatch
		}
	}
	return err
}

// seenCurrency returns the currency of a row, or "" if the row or the column is not shown.
func (w *writing) seenCurrency(typ, id string) (string, error) {
	row, err := w.see(typ, id)
	if err != nil && unseen(err) {
		return "", nil
	}
	currency, _ := row.object["currency"].(string)
	return currency, err
}

func (w *writing) dropLink(l link, card, other string) (target, error) {
	t := target{action: l.action, typ: "card", id: card, sub: other, status: fiber.StatusNoContent}
	if err := w.mayLink(l, card, other); err != nil {
		return t, err
	}
	return w.linked(l, t, func() error { return l.remove(w, card, other) })
}

// linked applies a change of a link and writes an audit entry for the card, with
// the link before and after.
func (w *writing) linked(l link, t target, apply func() error) (target, error) {
	before, err := w.seeLink(l, t.id, t.sub)
	if err != nil && !absent(err) {
		return t, err
	}
	if err := w.checkIfMatch(l.typ, before, apply()); err != nil {
		return t, err
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, "card", t.id); err != nil {
		return t, err
	}
	after, err := w.seeLink(l, t.id, t.sub)
	if err != nil && !absent(err) {
		return t, err
	}
	return t, w.auditLink(l, t, before, after)
}

func absent(err error) bool { return problemOf(err).kind.status == fiber.StatusNotFound }

// auditLink writes the change of a link under the card's column for it. Only
// readers who may see that column then see the change.
func (w *writing) auditLink(l link, t target, before, after []byte) error {
	column := "assigned_to"
	if l.other == "customer" {
		column = "customers"
	}
	objects := [2]map[string]any{}
	for i, text := range [][]byte{before, after} {
		value := any(nil)
		if text != nil {
			parsed, err := strictjson.Parse(text)
			if err != nil {
				return errors.Join(errNoObject, err)
			}
			value = parsed
		}
		objects[i] = map[string]any{column: value}
	}
	return w.audit(t, objects[0], objects[1])
}
