package server

import (
	"context"
	"errors"
	"time"

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
		Store: s.store, Tell: s.tellHook, Policy: func() any { return s.engines.Current() }, Open: s.openSecret,
		Guard: webhook.Guard{Allowed: networks}, Roots: s.hookRoots, Now: func() time.Time { return s.now() }, Logger: s.logger, Metrics: webhook.NewMetrics(s.registry),
	})
}

// byWebhook is the origin of decisions about what a webhook is told.
var byWebhook = session.Origin{Name: "webhook", Area: "webhook", Acting: true}

// tellHook says what a webhook is told, with the rights that its user has now. Nobody
// knows an address that the user calls from, so that a user who is limited to networks is
// told nothing.
func (s *Server) tellHook(ctx context.Context, hook *store.Webhook, after *feed.Cursor, limit int) (feed.Answer, error) {
	r := &session.Session{
		Shared: s.shared, Ctx: ctx, From: byWebhook, Engine: s.engines.Current(), DecisionID: s.newID(), Revision: s.store.DataRevision(),
		Caller: session.Caller{TokenID: "webhook", Tenant: hook.TenantID, UserRef: hook.UserID},
	}
	if r.Engine == nil {
		return feed.Answer{}, errors.Join(fault.ErrUnavailable, errors.New("no policy is loaded"))
	}
	err := r.LoadUser()
	var unknown *session.UnknownUserError
	if errors.As(err, &unknown) {
		r.RecordRefusal(session.TrueReason(unknown.Cause))
		return feed.Answer{}, webhook.ErrUserEnded
	}
	if err != nil {
		return feed.Answer{}, err
	}
	reader := &feed.Reader{Session: r, Source: s.feed, Keep: s.cfg.Keep.Changes}
	if after == nil {
		return reader.Start()
	}
	return reader.After(*after, limit)
}
