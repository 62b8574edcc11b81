package server

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/fault"
)

const headerIdempotency = "Idempotency-Key"

// repeatKey recognises a request that was sent before.
type repeatKey struct {
	store.IdempotencyKey
	request []byte // path, query and body
}

// remembered is what is kept of a write: what it was about, never what was
// answered. A repetition is answered with what its sender may see now.
type remembered struct {
	Action string         `json:"action"`
	Type   string         `json:"type"`
	ID     string         `json:"id"`
	Sub    string         `json:"sub,omitempty"`
	Row    map[string]any `json:"row,omitempty"` // policy columns of a row that is gone
}

// repeatKey reads the header. Errors: 400 for a key that is sent twice, is too
// long or holds invalid text.
func (r *exchange) repeatKey() (*repeatKey, error) {
	key, err := oneHeader(&r.c.Request().Header, headerIdempotency)
	if err != nil || key == "" {
		return nil, err
	}
	body, err := r.bodyOrSum()
	if err != nil {
		return nil, err
	}
	request := append([]byte(nil), r.c.Request().URI().RequestURI()...)
	request = append(append(request, '\n'), body...)
	return &repeatKey{
		IdempotencyKey: store.IdempotencyKey{
			User: r.Subject.User.ID, Method: r.route.method, Route: r.route.path, Key: key},
		request: request,
	}, nil
}

// bodyOrSum is the body, or of an uploaded file its hash and what it was said to
// be, by which it is read.
func (r *exchange) bodyOrSum() ([]byte, error) {
	if r.file == nil {
		return r.body()
	}
	return fmt.Appendf(nil, "%s\n%q %q", r.file.sum, r.header(fiber.HeaderContentType), r.header(fiber.HeaderContentEncoding)), nil
}

// repeated finds out whether the write was done before, and authorises it
// again. Errors: as for the first time, and 422 when the key was used for
// another request.
func (w *writing) repeated() (done target, ok bool, err error) {
	if w.key == nil {
		return done, false, nil
	}
	kept, err := w.tx.Answer(w.r.Ctx, w.key.IdempotencyKey, w.key.request)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return done, false, nil
	case errors.Is(err, fault.ErrInvalid):
		return done, false, invalid(headerIdempotency, "was already used for another request")
	case err != nil:
		return done, false, err
	}
	var was remembered
	if err := json.Unmarshal(kept.Body, &was); err != nil {
		return done, false, fmt.Errorf("idempotency key: %w", err)
	}
	done = target{action: was.Action, typ: was.Type, id: was.ID, sub: was.Sub, row: was.Row, status: kept.Status}
	return done, true, w.authoriseAgain(done)
}

// authoriseAgain decides about what a repeated write is about, as it is now,
// or as it was before it was deleted.
func (w *writing) authoriseAgain(done target) error {
	if done.row != nil {
		if err := w.mayRow("read", done.typ, done.id, done.row, nil, nil); err != nil {
			return notFound()
		}
		return w.mayRow(done.action, done.typ, done.id, done.row, nil, nil)
	}
	if done.typ == destinationsType {
		return w.r.mayArea(done.action, destinationsArea)
	}
	if _, err := w.see(done.typ, done.id); err != nil {
		return err
	}
	return w.may(done.action, done.typ, done.id, nil)
}

// remember keeps what a write was about for as long as it may be repeated.
func (w *writing) remember(done target) error {
	if w.key == nil {
		return nil
	}
	was := remembered{Action: done.action, Type: done.typ, ID: done.id, Sub: done.sub}
	if done.action == "delete" {
		was.Row = done.row
	}
	text, err := json.Marshal(was)
	if err != nil {
		return err
	}
	return w.tx.KeepAnswer(w.r.Ctx, w.key.IdempotencyKey, w.key.request, store.Answer{Status: done.status, Body: text})
}
