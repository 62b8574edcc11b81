package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// IdempotencyAge is how long an answer is kept.
const IdempotencyAge = 24 * time.Hour

// IdempotencyKey identifies a request that may be sent again. The same Key of
// another user, or for another method or route, identifies another request.
type IdempotencyKey struct {
	User, Method, Route, Key string
}

// Answer is the stored response to a request.
type Answer struct {
	Status  int
	Headers map[string]string
	Body    []byte
}

// Answer returns the answer that was stored for the key within IdempotencyAge. It
// returns ErrNotFound if there is none, and ErrInvalid if the key was used with
// another body.
func (tx *Tx) Answer(ctx context.Context, k IdempotencyKey, body []byte) (Answer, error) {
	type row struct {
		BodyHash []byte `db:"body_hash"`
		Status   int
		Headers  string
		Body     []byte
	}
	kept, err := dialect.SelectOne[row](ctx, tx.store.dialect, tx.tx, `SELECT body_hash, status, headers, body
		FROM idempotency_keys WHERE scope_hash = ? AND created_at > ?`, k.hash(tx.tenant), tx.forgotten())
	if err != nil {
		return Answer{}, fmt.Errorf("idempotency key: %w", err)
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], kept.BodyHash) {
		return Answer{}, fmt.Errorf("idempotency key: %w", fault.Invalid("idempotency_key", "was already used with another body"))
	}
	answer := Answer{Status: kept.Status, Body: kept.Body}
	if err := json.Unmarshal([]byte(kept.Headers), &answer.Headers); err != nil {
		return Answer{}, fmt.Errorf("idempotency key: %w", err)
	}
	return answer, nil
}

// KeepAnswer stores an answer for the key. It also deletes the answers of all
// tenants that are older than IdempotencyAge. It returns ErrConflict if the key has
// an answer already.
func (tx *Tx) KeepAnswer(ctx context.Context, k IdempotencyKey, body []byte, a Answer) error {
	headers, err := json.Marshal(a.Headers)
	if err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	_, forgotten := tx.exec(ctx, "DELETE FROM idempotency_keys WHERE created_at <= ?", tx.forgotten())
	sum := sha256.Sum256(body)
	_, err = tx.exec(ctx, `INSERT INTO idempotency_keys (scope_hash, body_hash, status, headers, body, created_at)
		VALUES (?, ?, ?, ?, ?, ?)`, k.hash(tx.tenant), sum[:], a.Status, string(headers), append([]byte{}, a.Body...), tx.now)
	if err := errors.Join(forgotten, err); err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	return nil
}

func (tx *Tx) forgotten() schema.Micros { return tx.now - schema.Micros(IdempotencyAge.Microseconds()) }

// hash writes each part with its length, so that different keys never hash the same
// text.
func (k IdempotencyKey) hash(tenant string) []byte {
	h := sha256.New()
	for _, part := range []string{tenant, k.User, k.Method, k.Route, k.Key} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash never fails to write
		_, _ = h.Write([]byte(part))
	}
	return h.Sum(nil)
}
