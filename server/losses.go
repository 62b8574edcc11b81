package server

import (
	"errors"
	"fmt"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// tellLoss adds the places where calls would sell at a loss to a loss error, as
// a proof shows them. It does so only for a writer who is shown what the card is
// built from. Other writers get the error as it is.
func (w *writing) tellLoss(card string, err error) error {
	var loss *store.LossError
	if !errors.As(err, &loss) {
		return err
	}
	row, unseen := w.see("card", card)
	if unseen != nil || !row.shows("parents") {
		return err
	}
	text := fmt.Sprintf("is needed because calls to %d of the prefixes would sell at a loss. The first is %s: %s", loss.Losing, loss.First.Prefix, lossText(loss.First))
	if loss.Former {
		text += ", compared with the rates that the revision was built from"
	}
	return &store.ReasonError{
		Code: store.ReasonSellsAtLoss,
		Err:  &fault.FieldError{Kind: fault.ErrConflict, Field: "accept_losses", Text: text},
	}
}

// lossText describes the loss on a losing call.
func lossText(f store.Finding) string {
	loss := schema.AppendMoney(nil, f.Loss)
	if f.Seconds == 0 {
		return fmt.Sprintf("calls of more than two hours lose %s a minute", loss)
	}
	return fmt.Sprintf("a call of %[2]d s loses %[1]s", loss, f.Seconds)
}

// changeAtLoss changes a card whose calls may then sell at a loss. The writer
// must be allowed to accept losses. Accepted losses get a separate audit entry.
func (w *writing) changeAtLoss(card string, change func() error) error {
	if err := w.may("accept_losses", "card", card, nil); err != nil {
		return err
	}
	before, err := w.see("card", card)
	if err == nil {
		err = change()
	}
	if err != nil || !w.tx.LossesAccepted() {
		return err
	}
	t := target{action: "accept_losses", typ: "card", id: card}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, "card", card); err != nil {
		return err
	}
	after, err := w.see("card", card)
	if err != nil {
		return err
	}
	return w.audit(t, before.object, after.object)
}
