package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"resellerd/server/feed"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// visit is the work on one webhook, as it was when the visit began.
type visit struct {
	*Engine
	hook  store.Webhook
	state store.WebhookState
}

// step does the next thing for a webhook: it sends the message that waits, a dead letter
// that is to be sent again, or what there is to tell. It reports whether there may be more.
func (e *Engine) step(ctx context.Context, id string) (more bool, err error) {
	v := &visit{Engine: e}
	v.hook, v.state, err = e.Store.WebhookState(ctx, id)
	if errors.Is(err, fault.ErrNotFound) || err == nil && v.hook.Status != store.Active {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	waits := v.state.MessageID != ""
	switch due := !e.Now().Before(v.state.NextAt.Time()); {
	case waits && due:
		more, err = v.again(ctx)
	default:
		more, err = v.letter(ctx)
		if err == nil && !more && !waits {
			more, err = v.news(ctx)
		}
	}
	if errors.Is(err, ErrUserEnded) {
		return false, v.end(ctx, schema.EndedWithUser)
	}
	return more, err
}

// askTime bounds a question about what is to tell.
const askTime = 30 * time.Second

// ask asks what the user may be told after a cursor. The user's rights are those of now.
func (v *visit) ask(ctx context.Context, after string, limit int) (feed.Answer, error) {
	var cursor *feed.Cursor
	if after != "" {
		cursor = &feed.Cursor{}
		if err := json.Unmarshal([]byte(after), cursor); err != nil {
			return feed.Answer{}, fmt.Errorf("cursor: %w", err)
		}
	}
	select {
	case v.deciding <- struct{}{}:
	case <-ctx.Done():
		return feed.Answer{}, context.Cause(ctx)
	}
	defer func() { <-v.deciding }()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return v.Tell(ctx, &v.hook, cursor, limit)
}

// news makes a message of what there is to tell, and sends it.
func (v *visit) news(ctx context.Context) (more bool, err error) {
	a, err := v.ask(ctx, v.state.Reached, mostItems)
	if err != nil {
		return false, err
	}
	if a.Reset = a.Reset || v.state.Reached == ""; a.Empty() {
		return false, nil
	}
	return v.tell(ctx, a)
}

// tell stores a message before it sends it, so that a repetition has the same id.
func (v *visit) tell(ctx context.Context, a feed.Answer) (more bool, err error) {
	cursor, err := json.Marshal(a.Cursor)
	if err != nil {
		return false, err
	}
	now := v.Now()
	text, err := body(a, now)
	if err != nil {
		return false, err
	}
	v.state.MessageID, v.state.Body, v.state.NextReached = v.Store.NewMessageID(), text, string(cursor)
	v.state.MadeAt, v.state.Attempts, v.state.NextAt, v.state.Error = schema.MicrosOf(now), 0, 0, ""
	if err := v.put(ctx, nil); err != nil {
		return false, err
	}
	return v.attempt(ctx)
}

// again sends the message that waits. If its user may be told something else by now, the
// message is replaced by a reset.
func (v *visit) again(ctx context.Context) (more bool, err error) {
	a, err := v.ask(ctx, v.state.NextReached, 1)
	if err != nil {
		return false, err
	}
	if a.Reset {
		return v.tell(ctx, a)
	}
	return v.attempt(ctx)
}

func (v *visit) attempt(ctx context.Context) (more bool, err error) {
	out, err := v.send(ctx, v.state.MessageID, v.state.Body)
	if err != nil {
		return false, err
	}
	now := v.Now()
	v.state.Attempts++
	v.state.Error = out.error
	wait, dead := pause(v.state.Attempts, out.after, jitter())
	switch {
	case out.delivered:
		v.state.DeliveredAt = schema.MicrosOf(now)
		v.reached()
		return true, v.put(ctx, nil)
	case dead, out.gone:
		letter := &store.DeadLetter{ID: v.state.MessageID, Body: v.state.Body, Reached: v.state.NextReached,
			MadeAt: v.state.MadeAt, Attempts: v.state.Attempts, Error: out.error}
		v.reached()
		if err := v.put(ctx, letter); err != nil {
			return false, err
		}
		v.Metrics.count("dead")
		v.Logger.Warn("a message of a webhook could not be delivered", "webhook", v.hook.ID, "message", letter.ID, "cause", out.error)
		if out.gone {
			return false, v.end(ctx, schema.EndedByReceiver)
		}
		return true, nil
	}
	v.state.NextAt = schema.MicrosOf(now.Add(wait))
	return false, v.put(ctx, nil)
}

// reached moves the cursor behind the message.
func (v *visit) reached() {
	s := &v.state
	s.Reached, s.MessageID, s.Body, s.NextReached, s.MadeAt, s.Attempts, s.NextAt = s.NextReached, "", "", "", 0, 0, 0
}

// letter sends a dead letter again, if one is due. If its user may be told something else
// by now, the letter is deleted.
func (v *visit) letter(ctx context.Context) (more bool, err error) {
	l, err := v.Store.DeadLetterDue(ctx, v.hook.ID)
	if errors.Is(err, fault.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	a, err := v.ask(ctx, l.Reached, 1)
	if err != nil {
		return false, err
	}
	if a.Reset {
		v.Metrics.count("dropped")
		return true, v.Store.PutDeadLetter(ctx, v.lease.own, v.hook.ID, l, true)
	}
	out, err := v.send(ctx, l.ID, l.Body)
	if err != nil {
		return false, err
	}
	l.Attempts++
	l.Error = out.error
	if err := v.Store.PutDeadLetter(ctx, v.lease.own, v.hook.ID, l, out.delivered); err != nil {
		return false, err
	}
	if out.gone {
		return false, v.end(ctx, schema.EndedByReceiver)
	}
	return true, nil
}

// send makes an attempt. It returns an error if nothing is known of its outcome.
func (v *visit) send(ctx context.Context, id, text string) (outcome, error) {
	now := v.Now()
	secrets, err := v.secrets(schema.MicrosOf(now))
	if err != nil {
		return outcome{}, err
	}
	out := v.sender.send(ctx, v.hook.URL, id, text, now, secrets)
	if ctx.Err() != nil && !out.delivered {
		return out, context.Cause(ctx)
	}
	result := "failed"
	if out.delivered {
		result = "delivered"
	}
	v.Metrics.count(result)
	return out, nil
}

// secrets are those that sign now: the present one, and for a time the one before.
func (v *visit) secrets(now schema.Micros) ([]Secret, error) {
	sealed := []string{v.hook.Secret}
	if v.hook.OldSecret != "" && now < v.hook.OldUntil {
		sealed = append(sealed, v.hook.OldSecret)
	}
	var all []Secret
	for _, one := range sealed {
		s, err := v.Open(v.hook.ID, one)
		if err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (v *visit) put(ctx context.Context, dead *store.DeadLetter) error {
	return v.Store.PutWebhookState(ctx, v.lease.own, &v.state, dead)
}

// end ends the webhook: nothing is delivered any more.
func (v *visit) end(ctx context.Context, reason string) error {
	err := v.Store.Write(ctx, v.hook.TenantID, func(tx *store.Tx) error { return tx.EndWebhook(ctx, v.hook.ID, reason) })
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	if err == nil {
		v.Logger.Info("a webhook has ended", "webhook", v.hook.ID, "reason", reason)
	}
	return err
}
