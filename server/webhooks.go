package server

import (
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/webhook"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

var webhookWriter = rowWriter{
	typ:    "webhook",
	takes:  webhookFields{},
	held:   webhookAccess,
	update: updateWebhook,
	remove: func(w *writing, id string) error { return w.tx.DeleteWebhook(w.r.Ctx, id, 0) },
}

const userField = "user_id"

// webhookAccess returns the access that a webhook's user has: the webhook is told what
// the user sees.
func webhookAccess(w *writing, id string) (map[string][]string, error) {
	hook, err := w.tx.Webhook(w.r.Ctx, id)
	if err != nil {
		return nil, err
	}
	return userAccess(w, hook.UserID)
}

func updateWebhook(w *writing, f *fields) func(string) error {
	patch := patchOf[store.WebhookPatch, store.Webhook](f)
	return func(id string) error {
		hook, err := w.tx.Webhook(w.r.Ctx, id)
		if err != nil {
			return err
		}
		ended := hook.Status == schema.Ended
		if store.Apply(&patch, &hook); !ended && hook.Status == schema.Ended {
			f.refuse("status", "must be active or paused")
		}
		w.checkTarget(f, hook.URL)
		if !f.sound(&hook) {
			return nil
		}
		_, err = w.tx.UpdateWebhook(w.r.Ctx, id, patch)
		return err
	}
}

// checkTarget refuses an address that no message would be sent to. An address behind a
// name is checked when it is dialled.
func (w *writing) checkTarget(f *fields, target string) {
	u, err := url.Parse(target)
	if err != nil {
		return // Validate says so
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !w.r.s.hooks.Guard.Admits(addr) {
		f.refuse("url", "has an address that messages are not sent to")
	}
}

// postWebhook creates a webhook of the account that the body names; the default is the
// actor's own account.
func postWebhook(r *exchange) error {
	return r.write((*writing).createWebhook, answerSecret)
}

func (w *writing) createWebhook() (target, error) {
	f, account, err := w.readNewRow("webhook", nil)
	if err != nil {
		return target{}, err
	}
	patch := patchOf[store.WebhookPatch, store.Webhook](f)
	hook := store.Webhook{ID: w.tx.NewWebhookID(), AccountID: account.ID, UserID: w.r.Subject.User.ID}
	store.Apply(&patch, &hook)
	if user := f.line(userField); user != nil {
		hook.UserID = *user
		if visible, err := w.sees("user", *user); err != nil {
			return target{}, err
		} else if !visible {
			f.refuse(userField, "does not name a user")
		}
	}
	if err := w.checkTold(f, hook.UserID); err != nil {
		return target{}, err
	}
	if hook.Status == schema.Ended {
		f.refuse("status", "must be active or paused")
	}
	w.checkTarget(f, hook.URL)
	f.check(&hook)
	if err := f.err(); err != nil {
		return target{}, err
	}
	plain := webhook.NewSecret()
	hook.Secret = w.r.s.sealSecret(hook.ID, plain)
	made, err := w.tx.CreateWebhook(w.r.Ctx, hook)
	if err != nil {
		return target{}, err
	}
	w.secret = plain
	return w.created(webhookWriter, made.ID, f)
}

// checkTold refuses a user who is told nothing, because it may call from some addresses
// only, and a delivery has none.
func (w *writing) checkTold(f *fields, user string) error {
	u, err := w.tx.User(w.r.Ctx, user)
	if errors.Is(err, fault.ErrNotFound) {
		return nil // a fault of the field, which is known
	}
	if err == nil && len(u.IPAllow) > 0 && !f.faulty(userField) {
		f.refuse(userField, "names a user with ip_allow, who is told nothing: a delivery has no client address")
	}
	return err
}

// answerSecret answers with a webhook and the secret that this write has made. The secret
// is no part of the row, its tag and the audit trail. A repeated request has none.
func answerSecret(w *writing, t target) (written, error) {
	out, err := answerRow(w, t)
	if err != nil || w.secret == nil {
		return out, err
	}
	out.more, err = json.Marshal(webhookSecret{w.secret.String()}) //nolint:gosec // the answer that makes a secret shows it
	return out, err
}

// auditedWebhook is a webhook for the audit trail. Its address may hold a secret behind
// the host: a digest stands for that.
func (s *Server) auditedWebhook(object map[string]any) map[string]any {
	text, _ := object["url"].(string)
	u, err := url.Parse(text)
	if err != nil || text == "" {
		return object
	}
	shown := "https://" + u.Host
	if rest := strings.TrimPrefix(text, shown); rest != "" && rest != "/" {
		shown += "/… " + strings.Trim(s.etag("webhook url", []byte(text)), `"`)[:8]
	}
	object = maps.Clone(object)
	object["url"] = shown
	return object
}

// sealSecret seals a secret for its webhook.
func (s *Server) sealSecret(hook string, secret webhook.Secret) string {
	return s.sealer.Seal("webhook secret", []byte(hook), secret)
}

// openSecret opens what sealSecret sealed.
func (s *Server) openSecret(hook, sealed string) (webhook.Secret, error) {
	return s.sealer.Open("webhook secret", []byte(hook), sealed)
}

// Bounds of the time during which two secrets sign.
const (
	defaultOverlap = 24 * 60 * 60
	mostOverlap    = 7 * defaultOverlap
)

// postRotation gives a webhook a new secret.
func postRotation(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	return r.write(func(w *writing) (target, error) { return w.rotateWebhook(id) }, answerSecret)
}

func (w *writing) rotateWebhook(id string) (target, error) {
	return w.onWebhook(id, []string{"rotated_at"}, func() error {
		f, err := w.sent.fields(anyField)
		if err != nil {
			return err
		}
		overlap := or(f.integer("overlap"), defaultOverlap)
		if overlap < 0 || overlap > mostOverlap {
			f.refuse("overlap", "must be 0 to 604800 seconds")
		}
		if err := f.err(); err != nil {
			return err
		}
		plain := webhook.NewSecret()
		until := schema.MicrosOf(w.tx.Now().Time().Add(time.Duration(overlap) * time.Second))
		if err := w.tx.RotateWebhook(w.r.Ctx, id, w.r.s.sealSecret(id, plain), until); err != nil {
			return err
		}
		w.secret = plain
		return nil
	})
}

// onWebhook changes a webhook otherwise than by its fields, and writes an audit entry.
func (w *writing) onWebhook(id string, fields []string, apply func() error) (target, error) {
	t := target{action: "update", typ: "webhook", id: id, status: fiber.StatusOK}
	before, err := w.see("webhook", id)
	if err != nil {
		return t, err
	}
	held, err := webhookAccess(w, id)
	if err != nil {
		return t, err
	}
	change := w.change(webhookWriter, fields)
	change.Before, change.After = held, held
	if err := w.may("update", "webhook", id, change); err != nil {
		return t, err
	}
	if err := w.checkIfMatch("webhook", before.json, apply()); err != nil {
		return t, err
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, "webhook", id); err != nil {
		return t, err
	}
	after, err := w.see("webhook", id)
	if err != nil {
		return t, err
	}
	return t, w.audit(t, before.object, after.object)
}

// listDeadLetters answers GET on the messages of a webhook that were not delivered.
func listDeadLetters(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	hooks, err := r.ReadPlan("webhook")
	if err != nil {
		return err
	}
	if _, err := r.One(r.Store, hooks, id); err != nil {
		return err
	}
	q := hooks.Query()
	q.Type, q.Parent = "dead_letter", id
	return r.answerList(q, schema.Info("dead_letter").Shown(), query.Row.AppendJSON)
}

// postDeadLetter lets a dead letter be sent again.
func postDeadLetter(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	letter, err := r.param("letter")
	if err != nil {
		return err
	}
	return r.write(func(w *writing) (target, error) {
		return w.onWebhook(id, []string{"dead_letters"}, func() error { return w.tx.SendDeadLetter(w.r.Ctx, id, letter) })
	}, answerRow)
}
