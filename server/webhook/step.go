package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"resellerd/server/feed"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// visit is the work on one webhook, as it was when the visit began.
type visit struct {
	*Engine
	hook   store.Webhook
	state  store.WebhookState
	teller Teller
}

// step does the next thing for a webhook: it sends the message that waits, a dead letter
// that is to be sent again, or what there is to tell. It reports whether there may be more.
func (e *Engine) step(ctx context.Context, id string, teller func(*store.Webhook) Teller) (more bool, err error) {
	v := &visit{Engine: e}
	v.hook, v.state, err = e.Store.WebhookState(ctx, id)
	if errors.Is(err, fault.ErrNotFound) || err == nil && v.hook.Status != store.Active {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now, err := e.Store.WebhookNow(ctx, e.lease.own, id)
	switch {
	case err != nil:
		return false, err
	case !now.Active:
		return false, v.end(ctx, schema.EndedWithUser, 0)
	case e.Now().Before(v.state.NextAt.Time()):
		return false, nil
	}
	v.teller = teller(&v.hook)
	more, err = v.next(ctx)
	var undecided *undecidedError
	switch {
	case errors.Is(err, ErrUserEnded):
		return false, v.end(ctx, schema.EndedWithUser, 0)
	case errors.Is(err, errOutdated):
		return true, nil
	case errors.As(err, &undecided):
		v.health.faulty(v.hook.TenantID)
	case err == nil:
		v.health.decided(v.hook.TenantID)
	}
	return more, err
}

// next does one thing: a message that waits comes first, then a dead letter, then news.
func (v *visit) next(ctx context.Context) (more bool, err error) {
	if v.state.MessageID != "" {
		return v.again(ctx)
	}
	l, err := v.Store.DeadLetterDue(ctx, v.hook.ID)
	switch {
	case err == nil:
		return v.letter(ctx, l)
	case errors.Is(err, fault.ErrNotFound):
		return v.news(ctx)
	}
	return false, err
}

// askTime bounds a question about what is to tell.
const askTime = 30 * time.Second

// undecidedError says that nobody knows what is to tell. It is no fault of the receiver.
type undecidedError struct{ error }

func (e *undecidedError) Unwrap() error { return e.error }

// decided is the end of what Engine.late and behind have shown: nothing waits.
func (v *visit) decided(ctx context.Context) error {
	s := &v.state
	if s.Error != store.LateWebhook && s.MadeAt == 0 {
		return nil
	}
	if s.MadeAt = 0; s.Error == store.LateWebhook {
		s.Error, s.NextAt = "", 0
	}
	return v.put(ctx, nil)
}

// behind shows since when changes wait that were not read in time.
func (v *visit) behind(ctx context.Context) error {
	if v.state.MadeAt != 0 {
		return nil
	}
	v.state.MadeAt = schema.MicrosOf(v.Now())
	return v.put(ctx, nil)
}

// ask asks for something that the user may be told.
func ask[T any](ctx context.Context, question func(context.Context) (T, error)) (T, error) {
	within, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	answer, err := question(within)
	switch {
	case err == nil, errors.Is(err, ErrUserEnded), ctx.Err() != nil:
	case errors.Is(err, feed.ErrUnfinished):
		err = errMore // the next visit goes on from there
	default:
		err = &undecidedError{err}
	}
	return answer, err
}

func cursorOf(text string) (*feed.Cursor, error) {
	if text == "" {
		return nil, nil
	}
	c := &feed.Cursor{}
	if err := json.Unmarshal([]byte(text), c); err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}
	return c, nil
}

// news makes a message of what there is to tell, and sends it.
func (v *visit) news(ctx context.Context) (more bool, err error) {
	after, err := cursorOf(v.state.Reached)
	if err != nil {
		return false, err
	}
	a, err := ask(ctx, func(ctx context.Context) (feed.Answer, error) { return v.teller.Tell(ctx, after, mostItems) })
	if errors.Is(err, errMore) {
		if fault := v.behind(ctx); fault != nil {
			return false, fault
		}
	}
	if err != nil {
		return false, err
	}
	if a.Reset = a.Reset || after == nil; !a.Empty() {
		return v.tell(ctx, a)
	}
	if moved := after != nil && a.Cursor.At > after.At; moved {
		if err := v.moved(ctx, a.Cursor); err != nil {
			return false, err
		}
	}
	return false, v.decided(ctx)
}

// moved stores a cursor that is newer than the one before, without anything between them.
func (v *visit) moved(ctx context.Context, to feed.Cursor) error {
	text, err := json.Marshal(to)
	if err != nil {
		return err
	}
	v.state.Reached = string(text)
	return v.put(ctx, nil)
}

// tell stores a message before it sends it, so that a repetition has the same id.
func (v *visit) tell(ctx context.Context, a feed.Answer) (more bool, err error) {
	v.state.Attempts, v.state.MadeAt, v.state.Error = 0, 0, ""
	if err := v.write(ctx, a); err != nil {
		return false, err
	}
	return v.attempt(ctx, a)
}

// write stores a message, or one in place of that which waits. The attempts of both count,
// so that a receiver who does not answer gets no more of them if the user's rights change.
func (v *visit) write(ctx context.Context, a feed.Answer) error {
	cursor, err := json.Marshal(a.Cursor)
	if err != nil {
		return err
	}
	now := v.Now()
	text, err := body(a, now)
	if err != nil {
		return err
	}
	v.state.MessageID, v.state.Body, v.state.NextReached = v.Store.NewMessageID(), text, string(cursor)
	if v.state.MadeAt == 0 {
		v.state.MadeAt = schema.MicrosOf(now)
	}
	return v.put(ctx, nil)
}

// errOutdated says that a message is not what its user may be told now.
var errOutdated = errors.New("the user may be told something else by now")

// judge decides anew on a message that its user was to be told: by the rights and the
// rows of now. It returns what the user is told instead, and errOutdated, if that is
// something else.
func (v *visit) judge(ctx context.Context, a feed.Answer) (feed.Answer, error) {
	now, err := ask(ctx, func(ctx context.Context) (feed.Answer, error) { return v.teller.Again(ctx, a) })
	if err == nil && (now.Reset != a.Reset || !slices.Equal(now.Items, a.Items)) {
		err = errOutdated
	}
	return now, err
}

// mostJudged is how often a message is judged right before it is sent, while its rows or the
// rights of its user change.
const mostJudged = 10

// ready makes sure, right before a message is sent, that nothing has changed since it was
// judged: neither the webhook, nor the lease, nor the rights of its user, nor its rows.
func (v *visit) ready(ctx context.Context, a feed.Answer) error {
	for range mostJudged {
		now, err := v.Store.WebhookNow(ctx, v.lease.own, v.hook.ID)
		switch {
		case errors.Is(err, fault.ErrNotFound), err == nil && (!now.Held || now.Seq != v.state.Seq):
			return store.ErrLeaseLost
		case err != nil:
			return err
		case !now.Active:
			return ErrUserEnded
		}
		same, err := ask(ctx, func(ctx context.Context) (bool, error) { return v.teller.AsOf(ctx, now, a) })
		if err != nil || same {
			return err
		}
		if _, err := v.judge(ctx, a); err != nil {
			return err
		}
	}
	return errMore
}

// again sends the message that waits. If its user may be told something else by now, the
// message is replaced.
func (v *visit) again(ctx context.Context) (more bool, err error) {
	a, err := answerOf(v.state.Body, v.state.NextReached)
	if err != nil {
		return false, err
	}
	now, err := v.judge(ctx, a)
	if errors.Is(err, errOutdated) {
		err = v.write(ctx, now)
	}
	if err != nil {
		return false, err
	}
	return v.attempt(ctx, now)
}

// answerOf is the answer that a message was made of.
func answerOf(text, cursor string) (a feed.Answer, err error) {
	var m Message
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return a, fmt.Errorf("message: %w", err)
	}
	c, err := cursorOf(cursor)
	if err != nil || c == nil {
		return a, errors.Join(errors.New("the message has no cursor"), err)
	}
	return feed.Answer{Items: m.Data.Items, Reset: m.Data.Reset, Cursor: *c}, nil
}

func (v *visit) attempt(ctx context.Context, a feed.Answer) (more bool, err error) {
	out, err := v.send(ctx, v.state.MessageID, v.state.Body, a)
	if err != nil {
		return false, err
	}
	ctx, settled := outliving(ctx)
	defer settled()
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
			return false, v.end(ctx, schema.EndedByReceiver, v.state.Seq)
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

// letter sends a dead letter again. If its user may be told something else by now, the letter
// is deleted. After a failure, nothing is sent for a time.
func (v *visit) letter(ctx context.Context, l store.DeadLetter) (more bool, err error) {
	a, err := answerOf(l.Body, l.Reached)
	if err == nil {
		_, err = v.judge(ctx, a)
	}
	if err != nil {
		return v.dropped(ctx, l, err)
	}
	out, err := v.send(ctx, l.ID, l.Body, a)
	if err != nil {
		return v.dropped(ctx, l, err)
	}
	ctx, settled := outliving(ctx)
	defer settled()
	l.Attempts++
	l.Error = out.error
	var next schema.Micros
	if !out.delivered {
		wait, _ := pause(1, out.after, jitter())
		next = schema.MicrosOf(v.Now().Add(wait))
	}
	if err := v.Store.PutDeadLetter(ctx, v.lease.own, &v.state, l, out.delivered, next); err != nil {
		return false, err
	}
	if out.gone {
		return false, v.end(ctx, schema.EndedByReceiver, v.state.Seq)
	}
	return out.delivered, nil
}

// dropped deletes a dead letter that is out of date, and passes on other errors.
func (v *visit) dropped(ctx context.Context, l store.DeadLetter, err error) (more bool, _ error) {
	if !errors.Is(err, errOutdated) {
		return false, err
	}
	v.Metrics.count("dropped")
	return true, v.Store.PutDeadLetter(ctx, v.lease.own, &v.state, l, true, 0)
}

// send makes an attempt. It returns an error if nothing is known of its outcome.
func (v *visit) send(ctx context.Context, id, text string, a feed.Answer) (outcome, error) {
	out, err := v.sender.send(ctx, post{
		url: v.hook.URL, id: id, body: text,
		ready: func(ctx context.Context) error { return v.ready(ctx, a) },
		signed: func() (time.Time, string, error) {
			now := v.Now()
			secrets, err := v.secrets(schema.MicrosOf(now))
			return now, sign(secrets, id, now, []byte(text)), err
		},
	})
	if err != nil {
		return out, err
	}
	if ctx.Err() != nil && !out.answered {
		return out, context.Cause(ctx)
	}
	result := "failed"
	if out.delivered {
		result = "delivered"
	}
	if v.Metrics.count(result); out.answered {
		v.health.well()
	} else {
		v.health.unreachable(v.hook.TenantID, hostOf(v.hook.URL))
	}
	return out, nil
}

// hostOf returns the host of a receiver.
func hostOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return target
	}
	return u.Host
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

// end ends the webhook, unless its state has another seq; 0 for any. Nothing is delivered
// any more.
func (v *visit) end(ctx context.Context, reason string, seq int64) error {
	err := v.Store.Write(ctx, v.hook.TenantID, func(tx *store.Tx) error { return tx.EndWebhook(ctx, v.hook.ID, reason, seq) })
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	if err == nil {
		v.Logger.Info("a webhook has ended", "webhook", v.hook.ID, "reason", reason)
	}
	return err
}
