package schema

import (
	"net/url"
	"strings"

	"resellerd/store/valid"
)

// Webhook is where changes are delivered that a user sees. The secrets are sealed: the
// store does not know them.
type Webhook struct {
	ID          string `db:"id,key,filter"`
	TenantID    string `db:"tenant_id,key,filter,hidden"`
	AccountID   string `db:"account_id,fixed,filter,account"` // the owner; never changes
	UserID      string `db:"user_id,fixed,filter" description:"the user whose rights decide what is delivered"`
	URL         string `db:"url" description:"an https address" pattern:"^https://[!\"$-.0->A-~]+([/?][!\"$-~]*)?$" maxLength:"2000"`
	Status      string `db:"status,filter" enum:"active,paused,ended"`
	EndedReason string `db:"ended_reason,null" enum:"user,gone" description:"why it ended: the user or its account is not active any more, or the receiver answered 410"`
	Secret      string `db:"secret,unlisted"`
	OldSecret   string `db:"old_secret,null,unlisted"` // signs too, until OldUntil
	OldUntil    Micros `db:"old_until,null" description:"until then, the secret before also signs"`
	RotatedAt   Micros `db:"rotated_at" description:"when the secret was made"`
	Version     int64  `db:"version,unlisted"`
	CreatedAt   Micros `db:"created_at,fixed"`
	UpdatedAt   Micros `db:"updated_at"`
}

// The statuses of a webhook besides Active. An ended one can be made active again.
const (
	Paused = "paused"
	Ended  = "ended"
)

// Why a webhook ended.
const (
	EndedWithUser   = "user" // its user or the user's account is not active any more
	EndedByReceiver = "gone" // its receiver wants no more messages
)

// maxURL bounds the bytes of a webhook's address.
const maxURL = 2000

// WebhookPatch changes a webhook. A nil field stays as it is.
type WebhookPatch struct {
	URL, Status *string

	Version int64 // the version to change; 0 for any
}

// Default sets what a new webhook has unless its maker says otherwise: it is active.
func (w *Webhook) Default() { orDefault(&w.Status, Active) }

// Validate returns an ErrInvalid that names every invalid field.
func (w *Webhook) Validate() error {
	var check valid.Checks
	check.Required("url", w.URL, maxURL)
	if w.URL != "" && !isTarget(w.URL) {
		check.Refuse("url", "must be an https address with a host, without user, password and fragment")
	}
	check.OneOf("status", w.Status, Active, Paused, Ended)
	return check.Err
}

func isTarget(text string) bool {
	u, err := url.Parse(text)
	return err == nil && strings.HasPrefix(text, "https://") && u.Hostname() != "" && u.User == nil && u.Opaque == "" &&
		!strings.Contains(text, "#") && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

var webhookType = &Type{
	Name: "webhook", Prefix: "whk_", Later: true, Table: "webhooks", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: columnsOf[Webhook]().refers("user_id", "user").behind("rotated_at",
		ofState("delivered_at", Time, "s.delivered_at"),
		ofState("attempts", Integer, "s.attempts"),
		ofState("next_at", Time, "s.next_at"),
		ofState("error", Text, "s.error"),
		document("dead_letters", Integer, sqlText("(SELECT count(*) FROM dead_letters s WHERE s.webhook_id = @.id)")),
	),
}

// ofState returns a column about the delivery of a webhook's messages.
func ofState(name string, kind Kind, expr string) Column {
	return document(name, kind, sqlText("(SELECT "+expr+" FROM webhook_states s WHERE s.webhook_id = @.id)"))
}

// deadLetterType describes the messages that were not delivered. What a message says is
// for its receiver alone.
var deadLetterType = &Type{
	Name: "dead_letter", Prefix: "msg_", Later: true, Table: "dead_letters", Key: "@.id",
	Through: webhookType, Scope: "@.webhook_id",
	Columns: []Column{
		stored("id", Text).required(),
		stored("made_at", Time).required(),
		stored("died_at", Time).required(),
		stored("attempts", Integer).required(),
		stored("error", Text).required(),
		stored("send_at", Time),
	},
}
