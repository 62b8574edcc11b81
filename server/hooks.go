package server

import (
	"context"
	"errors"
	"time"

	"resellerd/server/fair"
	"resellerd/server/feed"
	"resellerd/server/session"
	"resellerd/server/webhook"
	"resellerd/store"
	"resellerd/store/fault"
)

// newHooks returns what delivers the messages of webhooks. It works while Run does.
func (s *Server) newHooks() *webhook.Engine {
	networks, _ := webhook.ParseNetworks(s.cfg.WebhookNetworks) // Validate has read them
	return webhook.New(webhook.Options{
		Store: s.store, Teller: s.hookTeller, Policy: s.policyRevision, Open: s.openSecret, Keep: s.cfg.Keep.Changes,
		Guard: webhook.Guard{Allowed: networks}, Roots: s.hookRoots, Now: func() time.Time { return s.now() }, Logger: s.logger, Metrics: webhook.NewMetrics(s.registry),
	})
}

// policyRevision identifies the policy in force, "" for none.
func (s *Server) policyRevision() string {
	if e := s.engines.Current(); e != nil {
		return e.Revision()
	}
	return ""
}

// byWebhook is the origin of decisions about what a webhook is told.
var byWebhook = session.Origin{Name: "webhook", Area: "webhook", Acting: true}

// hookTeller says what a webhook is told, with the rights that its user has at that time.
// Nobody knows an address that the user calls from.
type hookTeller struct {
	s      *Server
	hook   store.Webhook
	reader *feed.Reader
}

func (s *Server) hookTeller(hook *store.Webhook) webhook.Teller {
	t := &hookTeller{s: s, hook: *hook}
	t.reader = &feed.Reader{
		Session: &session.Session{Shared: s.shared, From: byWebhook, Caller: session.Caller{TokenID: "webhook", Tenant: hook.TenantID, UserRef: hook.UserID}},
		Source:  s.feed, Keep: s.cfg.Keep.Changes, Renew: t.renew, Turn: t.turn,
	}
	return t
}

// renew loads the user and the policy anew.
func (t *hookTeller) renew() error {
	r := t.reader.Session
	if r.Engine = t.s.engines.Current(); r.Engine == nil {
		return errors.Join(fault.ErrUnavailable, errors.New("no policy is loaded"))
	}
	r.DecisionID, r.Revision = t.s.newID(), t.s.store.DataRevision()
	err := r.LoadUser()
	var unknown *session.UnknownUserError
	if errors.As(err, &unknown) {
		r.RecordRefusal(session.TrueReason(unknown.Cause))
		return webhook.ErrUserEnded
	}
	return err
}

// turn is feed.Reader.Turn. The account of the webhook has it. Without one in its time, the
// question goes on later.
func (t *hookTeller) turn() (feed.Turn, error) {
	turn, err := t.s.limiter.scans.Enter(t.reader.Ctx, fair.Account{ID: t.hook.AccountID, Master: t.hook.AccountID == t.hook.TenantID})
	if err != nil {
		return nil, errors.Join(feed.ErrUnfinished, err)
	}
	return turn, nil
}

// Tell implements webhook.Teller.
func (t *hookTeller) Tell(ctx context.Context, after *feed.Cursor, limit int) (a feed.Answer, err error) {
	t.reader.Ctx = ctx
	switch {
	case after == nil:
		if err = t.renew(); err == nil {
			a, err = t.reader.Start()
		}
	case t.reader.Continues(*after):
		a, err = t.more(limit)
	default:
		if err = t.renew(); err == nil {
			a, err = t.reader.After(*after, limit)
		}
	}
	if old := after != nil && t.s.now().Sub(after.At.Time()) > t.s.cfg.Keep.Changes/webhook.PartOfKeep; err == nil && a.Empty() && old {
		return t.reader.Here()
	}
	return a, err
}

// more answers with the changes since the last answer.
func (t *hookTeller) more(limit int) (feed.Answer, error) {
	if t.reader.Engine != t.s.engines.Current() {
		if a, err := t.reader.Renewed(); err != nil || !a.Empty() {
			return a, err
		}
	}
	a, err := t.reader.More(limit)
	if err == nil && a.Empty() {
		return t.reader.Last()
	}
	return a, err
}

// Again implements webhook.Teller.
func (t *hookTeller) Again(ctx context.Context, a feed.Answer) (feed.Answer, error) {
	t.reader.Ctx = ctx
	if err := t.s.store.CatchUp(ctx); err != nil {
		return feed.Answer{}, err
	}
	if err := t.renew(); err != nil {
		return feed.Answer{}, err
	}
	return t.reader.Again(a)
}

// AsOf implements webhook.Teller.
func (t *hookTeller) AsOf(ctx context.Context, now store.WebhookNow, a feed.Answer) (bool, error) {
	t.reader.Ctx = ctx
	if t.reader.Engine != t.s.engines.Current() {
		return false, nil
	}
	return t.reader.AsOf(now, a)
}
