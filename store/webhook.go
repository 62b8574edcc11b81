package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

var webhooksTable = statementsOf[Webhook]("webhooks")

// MaxWebhooks bounds the webhooks of an account.
const MaxWebhooks = 20

// Webhook reads a webhook of the tenant. It returns ErrNotFound if there is none.
func (tx *Tx) Webhook(ctx context.Context, id string) (Webhook, error) {
	return own[Webhook](ctx, tx, "webhook", webhooksTable.query, id)
}

// NewWebhookID returns the id of a webhook to create. Its secret is sealed for this id.
func (tx *Tx) NewWebhookID() string { return tx.newID("webhook") }

// CreateWebhook stores a new webhook of w.AccountID for a user of this account or of one
// below. It takes the id from NewWebhookID and a sealed secret. It returns ErrInvalid for
// a malformed field, an unknown account and another user, and ErrConflict if the account
// has MaxWebhooks.
func (tx *Tx) CreateWebhook(ctx context.Context, w Webhook) (Webhook, error) {
	w.TenantID, w.Version, w.CreatedAt, w.UpdatedAt, w.RotatedAt = tx.tenant, 1, tx.now, tx.now, tx.now
	w.Default()
	if err := errors.Join(w.Validate(), tx.owner(ctx, w.AccountID), tx.webhookUser(ctx, w)); err != nil {
		return Webhook{}, fmt.Errorf("webhook: %w", err)
	}
	type count struct{ N int }
	has, err := dialect.SelectOne[count](ctx, tx.store.dialect, tx.tx, "SELECT count(*) AS n FROM webhooks WHERE account_id = ?", w.AccountID)
	if err == nil && has.N >= MaxWebhooks {
		err = fault.Conflict("", fmt.Sprintf("the account has %d webhooks: delete one first", MaxWebhooks))
	}
	if err == nil {
		_, err = tx.execNamed(ctx, webhooksTable.insert, w)
	}
	if err == nil {
		_, err = tx.exec(ctx, "INSERT INTO webhook_states (webhook_id) VALUES (?)", w.ID)
	}
	if err != nil {
		return Webhook{}, fmt.Errorf("webhook: %w", err)
	}
	return w, nil
}

// webhookUser refuses a user who does not belong to the webhook's account or to one below.
func (tx *Tx) webhookUser(ctx context.Context, w Webhook) error {
	u, err := tx.User(ctx, w.UserID)
	below := false
	if err == nil {
		below, err = tx.Below(ctx, w.AccountID, u.AccountID)
	}
	if errors.Is(err, fault.ErrNotFound) || err == nil && !below {
		return fault.Invalid("user_id", "does not name a user of the account or of one below")
	}
	return err
}

// UpdateWebhook changes a webhook of the tenant and returns the changed one. Its message
// is tried again at once. A webhook that had ended begins with a reset. It returns
// ErrNotFound, ErrInvalid, or ErrConflict if the version has moved on.
func (tx *Tx) UpdateWebhook(ctx context.Context, id string, patch WebhookPatch) (Webhook, error) {
	w, err := tx.Webhook(ctx, id)
	if err != nil {
		return Webhook{}, err
	}
	if err := current("webhook", id, w.Version, patch.Version); err != nil {
		return Webhook{}, err
	}
	ended := w.Status == schema.Ended
	Apply(&patch, &w)
	if !ended && w.Status == schema.Ended {
		return Webhook{}, fmt.Errorf("webhook %s: %w", id, fault.Invalid("status", "must be active or paused"))
	}
	if err := w.Validate(); err != nil {
		return Webhook{}, fmt.Errorf("webhook %s: %w", id, err)
	}
	state := "next_at = NULL, attempts = 0"
	if ended && w.Status != schema.Ended {
		w.EndedReason, state = "", nothingReached
	}
	return w, tx.putWebhook(ctx, w, state)
}

// nothingReached lets a webhook begin with a reset.
const nothingReached = `reached = NULL, message_id = NULL, body = NULL, next_reached = NULL, made_at = NULL,
	attempts = 0, next_at = NULL, error = NULL`

// putWebhook writes a changed webhook, and changes its state.
func (tx *Tx) putWebhook(ctx context.Context, w Webhook, state string) error {
	w.Version, w.UpdatedAt = w.Version+1, tx.now
	_, err := tx.execNamed(ctx, webhooksTable.update, w)
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE webhook_states SET seq = seq + 1, "+state+" WHERE webhook_id = ?", w.ID)
	}
	if err != nil {
		return fmt.Errorf("webhook %s: %w", w.ID, err)
	}
	return nil
}

// RotateWebhook gives a webhook a new sealed secret. The one before also signs until a
// time; 0 for no longer.
func (tx *Tx) RotateWebhook(ctx context.Context, id, secret string, until schema.Micros) error {
	w, err := tx.Webhook(ctx, id)
	if err != nil {
		return err
	}
	w.OldSecret, w.OldUntil = w.Secret, until
	if until <= tx.now {
		w.OldSecret, w.OldUntil = "", 0
	}
	w.Secret, w.RotatedAt = secret, tx.now
	return tx.putWebhook(ctx, w, "next_at = NULL, attempts = 0")
}

// EndWebhook ends a webhook with a reason, and drops the message that waits. It returns
// ErrNotFound if there is no such webhook, and does nothing if it has ended, or if its
// state has another seq than the given one; 0 for any. It writes an audit entry.
func (tx *Tx) EndWebhook(ctx context.Context, id, reason string, seq int64) error {
	w, err := tx.Webhook(ctx, id)
	if err != nil || w.Status == schema.Ended {
		return err
	}
	if seq != 0 {
		same, err := tx.names(ctx, "SELECT webhook_id AS name FROM webhook_states WHERE webhook_id = ? AND seq = ?", id, seq)
		if err != nil || len(same) == 0 {
			return err
		}
	}
	return tx.endThose(ctx, reason, "w.id = ?", id)
}

// endWebhooks ends the webhooks whose users a write has stopped. where selects the users.
func (tx *Tx) endWebhooks(ctx context.Context, where string, args ...any) error {
	return tx.endThose(ctx, schema.EndedWithUser, "w.user_id "+where, args...)
}

// endThose ends the webhooks that a condition selects, in a few statements for all of them.
func (tx *Tx) endThose(ctx context.Context, reason, where string, args ...any) error {
	type row struct{ ID, Status string }
	found, err := dialect.SelectAll[row](ctx, tx.store.dialect, tx.tx, "SELECT w.id, w.status FROM webhooks w WHERE w.tenant_id = ? AND w.status <> 'ended' AND "+where,
		append([]any{tx.tenant}, args...)...)
	if err != nil || len(found) == 0 {
		return err
	}
	// An order of the statement would let SQLite read all webhooks of the tenant.
	slices.SortFunc(found, func(a, b row) int { return strings.Compare(a.ID, b.ID) })
	ids, before := make([]string, len(found)), map[string]string{}
	for i, w := range found {
		ids[i], before[w.ID] = w.ID, w.Status
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	those := func(column string) string {
		return " WHERE " + tx.store.dialect.AnyOf(column, "SELECT v.value FROM "+tx.store.dialect.Texts("?"))
	}
	_, err = tx.exec(ctx, "UPDATE webhooks SET status = ?, ended_reason = ?, version = version + 1, updated_at = ?"+those("id"), schema.Ended, reason, tx.now, string(list))
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE webhook_states SET seq = seq + 1, "+nothingReached+those("webhook_id"), string(list))
	}
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE dead_letters SET send_at = NULL"+those("webhook_id"), string(list))
	}
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	return tx.auditWebhooks(ctx, ids, "update", func(w map[string]any) map[string]any {
		id, _ := w["id"].(string)
		return map[string]any{"status": was(before[id], schema.Ended), "ended_reason": was(nil, reason)}
	})
}

func was(before, after any) any { return map[string]any{"before": before, "after": after} }

// auditWebhooks writes audit entries of changes that nobody has asked for by themselves.
// columns returns what changed of a webhook.
func (tx *Tx) auditWebhooks(ctx context.Context, ids []string, action string, columns func(w map[string]any) map[string]any) error {
	var entries []AuditEntry
	err := tx.images(ctx, "webhook", ids, func(id string, i *query.Image) error {
		if i == nil {
			return nil
		}
		change, err := json.Marshal(map[string]any{"columns": columns(i.Row), "row": i.Row})
		account, _ := i.Row["account_id"].(string)
		entries = append(entries, AuditEntry{AccountID: account, ResourceType: "webhook", ResourceID: id, Action: action, Change: change})
		return err
	})
	if err == nil {
		err = tx.audits(ctx, entries)
	}
	return err
}

// dropWebhooks deletes the webhooks of a user that is deleted.
func (tx *Tx) dropWebhooks(ctx context.Context, user string) error {
	ids, err := tx.names(ctx, "SELECT id AS name FROM webhooks WHERE tenant_id = ? AND user_id = ?", tx.tenant, user)
	slices.Sort(ids)
	if err != nil || len(ids) == 0 {
		return err
	}
	err = tx.auditWebhooks(ctx, ids, "delete", func(w map[string]any) map[string]any {
		return map[string]any{"user_id": was(user, nil), "status": was(w["status"], nil)}
	})
	if err == nil {
		_, err = tx.exec(ctx, "DELETE FROM webhooks WHERE tenant_id = ? AND user_id = ?", tx.tenant, user)
	}
	return err
}

// DeleteWebhook deletes a webhook of the tenant with everything that waits. The version
// must match; 0 matches any. It returns ErrNotFound, or ErrConflict if the version has
// moved on.
func (tx *Tx) DeleteWebhook(ctx context.Context, id string, version int64) error {
	w, err := tx.Webhook(ctx, id)
	if err == nil {
		err = current("webhook", id, w.Version, version)
	}
	if err == nil {
		_, err = tx.exec(ctx, "DELETE FROM webhooks WHERE tenant_id = ? AND id = ?", tx.tenant, id)
	}
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	return nil
}

// SendDeadLetter lets a dead letter of a webhook be sent again. It returns ErrNotFound if
// the webhook has no such letter, and ErrConflict if the webhook is not active.
func (tx *Tx) SendDeadLetter(ctx context.Context, webhook, letter string) error {
	w, err := tx.Webhook(ctx, webhook)
	if err != nil {
		return err
	}
	if !dialect.Storable(letter) {
		return fmt.Errorf("dead letter: %w", fault.ErrNotFound)
	}
	n, err := tx.exec(ctx, "UPDATE dead_letters SET send_at = ? WHERE webhook_id = ? AND id = ?", tx.now, webhook, letter)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("dead letter: %w", fault.ErrNotFound)
	case w.Status != Active:
		return fault.Conflict("status", "is not active: make the webhook active first")
	}
	return nil
}
