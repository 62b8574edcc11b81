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

// repeatKey identifies a request that may have been sent before.
type repeatKey struct {
	store.IdempotencyKey
	request []byte // path, query and body
}

// remembered is the stored record of a write. It holds what the write was about,
// never the answer. A repeated request is answered with what its sender may see
// now.
type remembered struct {
	Action string         `json:"action"`
	Type   string         `json:"type"`
	ID     string         `json:"id"`
	Sub    string         `json:"sub,omitempty"`
	Row    map[string]any `json:"row,omitempty"` // policy columns of a deleted row
	First  *firstMade     `json:"first,omitempty"`
}

// repeatKey reads the Idempotency-Key header, and returns nil without it.
// Errors: 400 for a key that is sent twice, is too long or holds invalid text.
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
	if r.route.method == fiber.MethodPatch && r.sent().merges() {
		request = append(request, "\nmerge"...)
	}
	return &repeatKey{
		IdempotencyKey: store.IdempotencyKey{
			User: r.Subject.User.ID, Method: r.route.method, Route: r.route.path, Key: key},
		request: request,
	}, nil
}

// bodyOrSum returns the body. For an uploaded file it returns the hash, with the
// content type and encoding, because they decide how the file is read.
func (r *exchange) bodyOrSum() ([]byte, error) {
	if r.file == nil {
		return r.body()
	}
	return fmt.Appendf(nil, "%s\n%q %q", r.file.sum, r.header(fiber.HeaderContentType), r.header(fiber.HeaderContentEncoding)), nil
}

// repeated reports whether the write was done before. If so, it authorises the
// write again. Errors: those of the first write, and 422 if the key was used for
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
	done = target{action: was.Action, typ: was.Type, id: was.ID, sub: was.Sub, row: was.Row, first: or(was.First, firstMade{}), status: kept.Status}
	return done, true, w.authoriseAgain(done)
}

// authoriseAgain decides again on a repeated write: on its target as it is now,
// or on a deleted row as it was.
func (w *writing) authoriseAgain(done target) error {
	if done.row != nil {
		if err := w.mayRow("read", done.typ, done.id, done.row, nil, nil); err != nil {
			return notFound()
		}
		return w.mayRow(done.action, done.typ, done.id, done.row, nil, nil)
	}
	if done.typ == importProfileType {
		return w.r.mayArea(done.action, cardArea(done.sub))
	}
	if done.typ == destinationsType {
		return w.r.mayArea(done.action, destinationsArea)
	}
	if _, err := w.see(done.typ, done.id); err != nil {
		return err
	}
	return w.may(done.action, done.typ, done.id, nil)
}

// remember stores the target of a write under its idempotency key.
func (w *writing) remember(done target) error {
	if w.key == nil {
		return nil
	}
	was := remembered{Action: done.action, Type: done.typ, ID: done.id, Sub: done.sub}
	if done.action == "delete" {
		was.Row = done.row
	}
	if done.first != (firstMade{}) {
		was.First = &done.first
	}
	text, err := json.Marshal(was)
	if err != nil {
		return err
	}
	return w.tx.KeepAnswer(w.r.Ctx, w.key.IdempotencyKey, w.key.request, store.Answer{Status: done.status, Body: text})
}
