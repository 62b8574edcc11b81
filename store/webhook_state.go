package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// WebhookState says how far a webhook has been told, and which message waits. Its
// cursors are texts that the store does not read.
type WebhookState struct {
	WebhookID   string `db:"webhook_id"`
	Seq         int64
	Reached     string // the cursor after the last delivered message; "" before the first one
	MessageID   string `db:"message_id"` // "" for none
	Body        string
	NextReached string        `db:"next_reached"` // the cursor after the message
	MadeAt      schema.Micros `db:"made_at"`      // what waits has waited since then: the message, those that it replaced, or changes that are not judged yet
	Attempts    int           // of the message, and of those that it replaced
	NextAt      schema.Micros `db:"next_at"` // nothing is sent before; 0 for now
	Error       string        // of the last attempt
	DeliveredAt schema.Micros `db:"delivered_at"` // the last message
}

// DeadLetter is a message that was not delivered in any attempt.
type DeadLetter struct {
	ID       string
	Body     string
	Reached  string        // the cursor after the message
	MadeAt   schema.Micros `db:"made_at"`
	Attempts int
	Error    string
}

// WebhookDue is an active webhook, and when it has something to do beside new changes.
type WebhookDue struct {
	ID       string
	TenantID string `db:"tenant_id"`
	URL      string
	Ended    bool          // its user, or an account above the user, is not active
	Fresh    bool          // nothing was told yet
	Waiting  bool          // a message waits
	Failed   bool          // its last attempt failed, or it could not be decided
	Late     bool          // it could not be decided; see LateWebhook
	MadeAt   schema.Micros `db:"made_at"` // what waits has waited since then; 0 for nothing
	NextAt   schema.Micros `db:"next_at"` // nothing is sent before; 0 for now
	Letter   bool          // a dead letter is to be sent again
}

// Limits of the dead letters of a webhook. The oldest are deleted first.
const (
	MaxDeadLetters     = 100
	maxDeadLetterBytes = 512 << 10
)

// ErrLeaseLost says that another process delivers, or that somebody has changed the
// webhook meanwhile: nothing was written.
var ErrLeaseLost = errors.New("the webhook is not held any more")

// LateWebhook is WebhookState.Error while nobody knows what is to tell. It is no fault of the
// receiver.
const LateWebhook = "undecided"

// WebhooksDue lists every active webhook.
func (s *Store) WebhooksDue(ctx context.Context) ([]WebhookDue, error) {
	all, err := dialect.SelectAll[WebhookDue](ctx, s.dialect, s.pool, `SELECT w.id, w.tenant_id, w.url, NOT (`+userActive+`) AS ended, s.reached IS NULL AS fresh,
		s.message_id IS NOT NULL AS waiting, s.error IS NOT NULL AS failed, COALESCE(s.error, '') = '`+LateWebhook+`' AS late, COALESCE(s.made_at, 0) AS made_at, COALESCE(s.next_at, 0) AS next_at,
		EXISTS (SELECT 1 FROM dead_letters d WHERE d.webhook_id = w.id AND d.send_at IS NOT NULL) AS letter
		FROM webhooks w JOIN webhook_states s ON s.webhook_id = w.id JOIN users u ON u.id = w.user_id WHERE w.status = 'active' ORDER BY w.id`)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	return all, nil
}

// userActive says of a user u that it may act.
const userActive = `u.status = 'active' AND NOT EXISTS (SELECT 1 FROM account_tree t JOIN accounts a ON a.id = t.ancestor_id
	WHERE t.descendant_id = u.account_id AND a.status <> 'active')`

// WebhookNow is what an attempt depends on, at one moment.
type WebhookNow struct {
	Seq      int64 // of the state; it grows with every change of the webhook
	Active   bool  // the webhook and its user are
	Held     bool  // the process that asks holds the lease
	Revision int64 // of the data
	Changed  int64 // the data revision of the last change in the tenant
	Untold   int64 // see ChangesUntold
}

// WebhookNow reads what an attempt depends on. It returns ErrNotFound if there is no such
// webhook.
func (s *Store) WebhookNow(ctx context.Context, owner, id string) (WebhookNow, error) {
	now, err := dialect.SelectOne[WebhookNow](ctx, s.dialect, s.pool, `SELECT s.seq, w.status = 'active' AND `+userActive+` AS active,
		`+held+` AS held, r.n AS revision, (`+untoldRevision+`) AS untold,
		COALESCE((SELECT c.revision FROM changes c WHERE c.tenant_id = w.tenant_id ORDER BY c.revision DESC LIMIT 1), 0) AS changed
		FROM webhooks w JOIN webhook_states s ON s.webhook_id = w.id JOIN users u ON u.id = w.user_id, (SELECT n, COALESCE(untold, 0) AS untold, told FROM data_revision) r
		WHERE w.id = ?`, owner, id)
	if err != nil {
		return now, fmt.Errorf("webhook %s: %w", id, err)
	}
	return now, nil
}

// TurnedByClock lists the active webhooks whose users may see something else because of the
// clock alone: an assignment to the user's account began or ended after a time, until
// another one, or the user left a group then.
func (s *Store) TurnedByClock(ctx context.Context, after, until schema.Micros) ([]string, error) {
	found, err := dialect.SelectAll[kept](ctx, s.dialect, s.pool, `SELECT w.id FROM webhooks w JOIN users u ON u.id = w.user_id WHERE w.status = 'active' AND (EXISTS (
		SELECT 1 FROM assignments a WHERE a.account_id = u.account_id
		AND (a.valid_from + 0 > ? AND a.valid_from + 0 <= ? OR a.valid_to + 0 > ? AND a.valid_to + 0 <= ?))
		OR EXISTS (SELECT 1 FROM user_groups m WHERE m.user_id = u.id AND m.valid_to > ? AND m.valid_to <= ?))`, after, until, after, until, after, until)
	ids := make([]string, len(found))
	for i, one := range found {
		ids[i] = one.ID
	}
	if err != nil {
		err = fmt.Errorf("webhooks: %w", err)
	}
	return ids, err
}

// WebhookState returns a webhook as it is now, with its state. It returns ErrNotFound if
// there is none.
func (s *Store) WebhookState(ctx context.Context, id string) (Webhook, WebhookState, error) {
	w, err := dialect.SelectOne[Webhook](ctx, s.dialect, s.pool, webhooksTable.query+" WHERE id = ?", id)
	if err != nil {
		return w, WebhookState{}, fmt.Errorf("webhook %s: %w", id, err)
	}
	state, err := dialect.SelectOne[WebhookState](ctx, s.dialect, s.pool, `SELECT webhook_id, seq, COALESCE(reached, '') AS reached,
		COALESCE(message_id, '') AS message_id, COALESCE(body, '') AS body, COALESCE(next_reached, '') AS next_reached,
		COALESCE(made_at, 0) AS made_at, attempts, COALESCE(next_at, 0) AS next_at, COALESCE(error, '') AS error,
		COALESCE(delivered_at, 0) AS delivered_at FROM webhook_states WHERE webhook_id = ?`, id)
	if err != nil {
		return w, state, fmt.Errorf("webhook %s: %w", id, err)
	}
	return w, state, nil
}

// DeadLetterDue returns the dead letter of a webhook that is to be sent again first. It
// returns ErrNotFound if there is none.
func (s *Store) DeadLetterDue(ctx context.Context, webhook string) (DeadLetter, error) {
	l, err := dialect.SelectOne[DeadLetter](ctx, s.dialect, s.pool, `SELECT id, body, reached, made_at, attempts, error FROM dead_letters
		WHERE webhook_id = ? AND send_at IS NOT NULL ORDER BY send_at, id LIMIT 1`, webhook)
	if err != nil {
		return l, fmt.Errorf("dead letter: %w", err)
	}
	return l, nil
}

// NewestChanges returns, for each tenant with an active webhook, the data revision of its
// newest change until a data revision; 0 for none.
func (s *Store) NewestChanges(ctx context.Context, until int64) (map[string]int64, error) {
	type newest struct {
		TenantID string `db:"tenant_id"`
		Revision int64
	}
	found, err := dialect.SelectAll[newest](ctx, s.dialect, s.pool, `SELECT t.tenant_id, COALESCE((SELECT c.revision FROM changes c
		WHERE c.tenant_id = t.tenant_id AND c.revision <= ? ORDER BY c.revision DESC LIMIT 1), 0) AS revision
		FROM (SELECT DISTINCT w.tenant_id FROM webhooks w WHERE w.status = 'active') t`, until)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	all := make(map[string]int64, len(found))
	for _, one := range found {
		all[one.TenantID] = one.Revision
	}
	return all, nil
}

// NewMessageID returns the id of a new message.
func (s *Store) NewMessageID() string { return s.newID("dead_letter") }

// PutWebhookState writes a state that WebhookState returned, for the process that holds
// the lease. A message that is dead is kept as a dead letter; nil for none. It returns
// ErrLeaseLost. It does not change the data revision.
func (s *Store) PutWebhookState(ctx context.Context, owner string, state *WebhookState, dead *DeadLetter) error {
	return s.deliver(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, `UPDATE webhook_states SET seq = seq + 1, reached = NULLIF(?, ''), message_id = NULLIF(?, ''), body = NULLIF(?, ''),
			next_reached = NULLIF(?, ''), made_at = NULLIF(CAST(? AS BIGINT), 0), attempts = ?, next_at = NULLIF(CAST(? AS BIGINT), 0), error = NULLIF(?, ''),
			delivered_at = NULLIF(CAST(? AS BIGINT), 0)
			WHERE webhook_id = ? AND seq = ? AND `+held, state.Reached, state.MessageID, state.Body, state.NextReached, state.MadeAt, state.Attempts,
			state.NextAt, state.Error, state.DeliveredAt, state.WebhookID, state.Seq, owner)
		if err == nil && n == 0 {
			err = ErrLeaseLost
		}
		if err == nil && dead != nil {
			err = tx.bury(ctx, state.WebhookID, dead)
		}
		if err == nil {
			state.Seq++
		}
		return err
	})
}

// held is the condition that a process holds the lease.
const held = "EXISTS (SELECT 1 FROM webhook_lease WHERE owner = ?)"

// bury keeps a dead letter, and deletes the oldest beyond the limits.
func (tx *Tx) bury(ctx context.Context, webhook string, l *DeadLetter) error {
	_, err := tx.exec(ctx, "INSERT INTO dead_letters (webhook_id, id, body, reached, made_at, died_at, attempts, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		webhook, l.ID, l.Body, l.Reached, l.MadeAt, tx.now, l.Attempts, l.Error)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `DELETE FROM dead_letters WHERE webhook_id = ? AND id IN (SELECT id FROM (
		SELECT id, row_number() OVER w AS number, sum(length(body)) OVER w AS bytes FROM dead_letters WHERE webhook_id = ?
		WINDOW w AS (ORDER BY died_at DESC, id DESC)) AS kept WHERE number > ? OR bytes > ?)`, webhook, webhook, MaxDeadLetters, maxDeadLetterBytes)
	return err
}

// PutDeadLetter writes what became of a dead letter that was sent again: it is deleted,
// or keeps the error of its last attempt. Nothing is sent before next; 0 for now. The
// state is the one that WebhookState returned. It returns ErrLeaseLost.
func (s *Store) PutDeadLetter(ctx context.Context, owner string, state *WebhookState, l DeadLetter, gone bool, next schema.Micros) error {
	return s.deliver(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, "UPDATE webhook_states SET seq = seq + 1, next_at = NULLIF(CAST(? AS BIGINT), 0) WHERE webhook_id = ? AND seq = ? AND "+held,
			next, state.WebhookID, state.Seq, owner)
		if err == nil && n == 0 {
			err = ErrLeaseLost
		}
		if err != nil {
			return err
		}
		text, args := "UPDATE dead_letters SET send_at = NULL, attempts = ?, error = ? WHERE", []any{l.Attempts, l.Error}
		if gone {
			text, args = "DELETE FROM dead_letters WHERE", nil
		}
		if _, err := tx.exec(ctx, text+" webhook_id = ? AND id = ?", append(args, state.WebhookID, l.ID)...); err != nil {
			return err
		}
		state.Seq, state.NextAt = state.Seq+1, next
		return nil
	})
}

// deliver runs a short write that does not change the data revision. In SQLite, a loss of
// power may take the last of these writes. They are in the order of all other commits, so
// that none is kept without those before it. A lost one repeats a message, under another
// id if the message was stored in a lost one.
func (s *Store) deliver(ctx context.Context, fn func(tx *Tx) error) error {
	return newStage(s, dialect.Writing).write(ctx, fn)
}

// sweepSecrets deletes the former secrets of webhooks that sign no more.
func (s *Store) sweepSecrets(ctx context.Context) error {
	old, err := dialect.SelectAll[kept](ctx, s.dialect, s.pool, "SELECT id FROM webhooks WHERE old_secret IS NOT NULL AND old_until <= ? LIMIT 1", s.micros())
	if err != nil || len(old) == 0 {
		return err
	}
	return s.deliver(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, "UPDATE webhooks SET old_secret = NULL WHERE old_secret IS NOT NULL AND old_until <= ?", tx.now)
		return err
	})
}

// sweepDeadLetters deletes dead letters of a tenant that are older than age. Their
// cursors are not known any more, so that nobody can tell whether they may be sent.
func (s *Store) sweepDeadLetters(ctx context.Context, tenant string, age time.Duration) error {
	return s.deliver(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, "DELETE FROM dead_letters WHERE made_at < ? AND webhook_id IN (SELECT id FROM webhooks WHERE tenant_id = ?)", s.since(age), tenant)
		return err
	})
}

// WebhookLease says which process delivers, and what it has told.
type WebhookLease struct {
	Owner string // "" for none
	Beat  int64  // it grows while the process works
	Place string // the database in which it delivered; see Store.Place
	Told
}

// Told is what the process with the lease has told when it last had nothing to do.
type Told struct {
	Done   int64         // everything until this data revision; 0 while it is working
	Looked schema.Micros // everything by the clock until this time
	Policy string        // by which policy
}

// WebhookLease returns the lease as it is.
func (s *Store) WebhookLease(ctx context.Context) (WebhookLease, error) {
	l, err := dialect.SelectOne[WebhookLease](ctx, s.dialect, s.pool, "SELECT owner, beat, place, done, looked, policy FROM webhook_lease")
	if err != nil {
		return l, fmt.Errorf("webhook lease: %w", err)
	}
	return l, nil
}

// TakeWebhookLease gives the lease to an owner if nobody has changed it since it was
// read. In another place than before, and if again is set, all webhooks begin again with a
// reset. It returns the new lease, or ErrLeaseLost.
func (s *Store) TakeWebhookLease(ctx context.Context, from WebhookLease, owner, place string, again bool) (WebhookLease, error) {
	told := from.Told
	told.Done = 0
	return s.putWebhookLease(ctx, from, WebhookLease{owner, from.Beat + 1, place, told}, again)
}

// RestWebhookLease says what the owner of the lease has told. It returns the new lease, or
// ErrLeaseLost.
func (s *Store) RestWebhookLease(ctx context.Context, from WebhookLease, told Told) (WebhookLease, error) {
	return s.putWebhookLease(ctx, from, WebhookLease{from.Owner, from.Beat + 1, from.Place, told}, false)
}

func (s *Store) putWebhookLease(ctx context.Context, from, to WebhookLease, again bool) (WebhookLease, error) {
	place, same := samePlace(from.Place, to.Place)
	to.Place = place
	err := s.deliver(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, "UPDATE webhook_lease SET owner = ?, beat = ?, place = ?, done = ?, looked = ?, policy = ? WHERE owner = ? AND beat = ?",
			to.Owner, to.Beat, to.Place, to.Done, to.Looked, to.Policy, from.Owner, from.Beat)
		if err == nil && n == 0 {
			err = ErrLeaseLost
		}
		if err == nil && (again || !same) {
			_, err = tx.exec(ctx, "UPDATE webhook_states SET seq = seq + 1, "+nothingReached)
		}
		return err
	})
	if err != nil {
		return from, fmt.Errorf("webhook lease: %w", err)
	}
	if err := s.db.KeepPlace(ctx, s.leaseBeat); err != nil {
		return from, fmt.Errorf("the note beside the database, by which a restore is noticed: %w", s.dialect.TranslateIn(ctx, err))
	}
	return to, nil
}

func (s *Store) leaseBeat(ctx context.Context) (int64, error) {
	l, err := s.WebhookLease(ctx)
	return l.Beat, err
}

// samePlace reports whether two names of a database may be of the same one, and returns the
// name that says more. A part that a server has not told at one time decides nothing.
func samePlace(before, now string) (place string, same bool) {
	known, parts := strings.Split(before, "/"), strings.Split(now, "/")
	if before == "" || len(known) != len(parts) {
		return now, before == now
	}
	for i, part := range parts {
		switch {
		case part == "":
			parts[i] = known[i]
		case known[i] != "" && known[i] != part:
			return now, false
		}
	}
	return strings.Join(parts, "/"), true
}

// Place names the database: a restored copy and a clone have other names than the original,
// and a PostgreSQL server has another one after a failover.
func (s *Store) Place(ctx context.Context) (string, error) {
	place, err := s.db.Place(ctx, s.leaseBeat)
	if err != nil {
		return "", fmt.Errorf("the database has no name: %w", s.dialect.TranslateIn(ctx, err))
	}
	return place, nil
}
